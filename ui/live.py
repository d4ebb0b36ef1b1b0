"""Carries a run to a browser: what is happening as text messages, the newest preview as raw bytes.

The browser answers each frame once it is painted and only then gets the next, so a slow link is never more than one
frame behind and a frozen browser holds up nobody: the run's own thread only swaps the newest state.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from comfy.errors import RunNotFound
from comfy.events import Preview
from comfy.run import Run
from comfy.run_state import RunState
from comfy.runs import Runs
from ui.identity import Identity
from ui.view import View

TEXT_INTERVAL = 0.1  # seconds between two progress messages to one browser
LAST_FRAME_WAIT = 5.0  # how long the end of a run waits for a slow browser to paint the frame it has
UNKNOWN_WORD = 1003  # close code: the browser said something that has no meaning here
GONE = 4404  # close code: no such run for this person


def live_routes(runs: Runs, identity: Identity, view: Callable[[Run, RunState], View]) -> APIRouter:
    """The WebSocket `/live/{run_id}`; `view` turns a run's state into what the page shows."""
    router = APIRouter()

    @router.websocket("/live/{run_id}")
    async def live(socket: WebSocket, run_id: str) -> None:
        owner = identity.owner(socket)
        if owner is None or not identity.same_origin(socket):
            await socket.close(4403)
            return
        await socket.accept()
        try:
            run = runs.get(run_id, owner)
        except RunNotFound:
            await socket.close(GONE)
            return
        run.attach()
        try:
            await Watcher(socket, run, view).serve()
        finally:
            run.detach()

    return router


class Watcher:
    """One browser watching one run."""

    def __init__(self, socket: WebSocket, run: Run, view: Callable[[Run, RunState], View]) -> None:
        self.socket = socket
        self.run = run
        self.view = view
        self.changed = asyncio.Event()
        self.painted = asyncio.Event()
        self.painted.set()
        self.newest: tuple[int, Preview | None] = (0, None)
        self.frames_sent = 0

    async def serve(self) -> None:
        """Send until the run ends or the browser leaves."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            self.remember(self.run.state)
            with contextlib.suppress(RuntimeError):  # the loop is closed: the app is ending
                loop.call_soon_threadsafe(self.changed.set)

        unsubscribe = self.run.subscribe(wake)
        self.remember(self.run.state)
        tasks = [asyncio.create_task(self.listen()), asyncio.create_task(self.tell())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                    task.result()
        finally:
            unsubscribe()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def remember(self, state: RunState) -> None:
        """Keep the newest frame: a finished run lets go of it, and this browser may not have had it yet."""
        if state.preview is not None and state.preview_number > self.newest[0]:
            self.newest = (state.preview_number, state.preview)

    async def listen(self) -> None:
        """Take the browser's two words, "painted" and "stop", until it leaves."""
        while True:
            match await self.socket.receive_text():
                case "painted":
                    self.painted.set()
                    self.changed.set()
                case "stop":
                    self.run.cancel()
                case _:
                    await self.socket.close(UNKNOWN_WORD)
                    return

    async def tell(self) -> None:
        """Send views and frames as they come, and close after the last."""
        told: dict[str, object] = {}
        async for state in self.states():
            finished = state.phase.finished
            await self.send_frame(last=finished)
            view = self.view(self.run, state).to_json()
            if view != told:
                told = view
                await self.socket.send_text(json.dumps(view))
            if finished:
                await self.socket.close()
                return

    async def states(self) -> AsyncIterator[RunState]:
        """The run's newest state, at once and again whenever it changed, at most every TEXT_INTERVAL."""
        while True:
            self.changed.clear()
            started = time.monotonic()
            yield self.run.state
            await self.changed.wait()
            await self.gather(until=started + TEXT_INTERVAL)

    async def gather(self, until: float) -> None:
        """Let words add up until that moment; a frame and the end go out at once."""
        while not self.frame_is_due() and not self.run.state.phase.finished:
            self.changed.clear()
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    await self.changed.wait()
            except TimeoutError:
                return

    def frame_is_due(self) -> bool:
        return self.newest[0] > self.frames_sent and self.painted.is_set()

    async def send_frame(self, *, last: bool) -> None:
        """Send the newest frame if the browser has painted the one before; at the end, wait for that."""
        if last and self.newest[0] > self.frames_sent:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.painted.wait(), LAST_FRAME_WAIT)
        number, preview = self.newest
        if preview is not None and self.frame_is_due():
            self.frames_sent = number
            self.painted.clear()
            await self.socket.send_bytes(preview.data)
