"""Carries a run to a browser: what is happening as text messages, the newest preview as raw bytes.

The browser answers each frame once it is painted and only then gets the next, so a slow link is
never more than one frame behind and a frozen browser holds up nobody: the run's own thread only
swaps the newest state.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from fastapi import APIRouter, WebSocket

from comfy.errors import ComfyError, RunNotFound
from comfy.protocol.events import Preview
from comfy.protocol.run_state import RunState
from comfy.records.record import Record
from comfy.runs.durations import RunTimes
from comfy.runs.interface import Run, RunRegistry
from ui.view.run_view import RunView
from ui.web.identity import Identity
from ui.web.socket_limits import (
    GONE,
    UNKNOWN_WORD,
    authenticate_socket,
    ends_with_browser,
    run_until_first,
)

_TEXT_INTERVAL = 0.1  # seconds between two progress messages to one browser
_LAST_FRAME_WAIT = (
    5.0  # how long the end of a run waits for a slow browser to paint the frame it has
)

Show = Callable[
    [Record, RunTimes | None], RunView
]  # a run, and how long such runs take, as the page shows it


def run_socket_routes(
    runs: RunRegistry, identity: Identity, view: Show, telling: set[WebSocket]
) -> APIRouter:
    """The WebSocket `/live/{run_id}`; of a run that is only on record, its end is sent.

    `telling` holds the sockets to which the end of their run has not been sent yet.
    """
    router = APIRouter()

    @router.websocket("/live/{run_id}")
    async def live(socket: WebSocket, run_id: str) -> None:
        owner = await authenticate_socket(socket, identity)
        if owner is None:
            return
        try:
            run = runs.get(run_id, owner)
        except RunNotFound:
            await tell_record(socket, run_id, owner)
            return
        run.attach()
        telling.add(socket)
        try:
            await RunSession(socket, run, view).serve()
        finally:
            telling.discard(socket)
            run.detach()

    async def tell_record(socket: WebSocket, run_id: str, owner: str) -> None:
        try:
            record = await asyncio.to_thread(runs.record, run_id, owner)
        except ComfyError:
            await socket.close(GONE)
            return
        said = await asyncio.to_thread(view, record, None)
        with ends_with_browser(socket):
            await socket.send_text(json.dumps(said.to_json()))
            await socket.close()

    return router


class RunSession:
    """One browser watching one run."""

    def __init__(self, socket: WebSocket, run: Run, view: Show) -> None:
        self.socket = socket
        self.run = run
        self.view = view
        self.changed = asyncio.Event()
        self.painted = asyncio.Event()
        self.painted.set()
        self.newest: tuple[int, Preview | None] = (0, None)
        self.remembering = threading.Lock()  # of the run's threads and of the event loop
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
        try:
            await run_until_first(self.socket, self.listen(), self.tell())
        finally:
            unsubscribe()

    def remember(self, state: RunState) -> None:
        """Keep the newest frame: a finished run has none, and this browser may not have had it
        yet."""
        with self.remembering:
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
            view = (await self.words_for(state)).to_json()
            if view != told:
                told = view
                await self.socket.send_text(json.dumps(view))
            if finished:
                await self.socket.close()
                return

    async def words_for(self, state: RunState) -> RunView:
        """The view of a state. That of a finished one needs the form, for which the server may have
        to be asked."""
        run = replace(self.run.record, state=state), self.run.usual_times
        return await asyncio.to_thread(self.view, *run) if state.phase.finished else self.view(*run)

    async def states(self) -> AsyncIterator[RunState]:
        """The run's newest state, at once and again whenever it changed, at most every
        TEXT_INTERVAL."""
        while True:
            self.changed.clear()
            started = time.monotonic()
            yield self.run.state
            await self.changed.wait()
            await self.gather(until=started + _TEXT_INTERVAL)

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
        """There is a new frame, and the browser has painted the one before."""
        return self.newest[0] > self.frames_sent and self.painted.is_set()

    async def send_frame(self, *, last: bool) -> None:
        """Send the newest frame if the browser has painted the one before; at the end, wait for
        that."""
        if last and self.newest[0] > self.frames_sent:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.painted.wait(), _LAST_FRAME_WAIT)
        number, preview = self.newest
        if preview is not None and self.frame_is_due():
            self.frames_sent = number
            self.painted.clear()
            await self.socket.send_bytes(preview.data)
