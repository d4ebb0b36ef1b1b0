"""WebSocket of a run for a browser: events as text messages, the newest preview as bytes.

Each frame starts with its number, and the browser acknowledges it after painting. So a link carries
as many frames as possible without delay (`preview_window`). A frozen browser blocks nothing: the
run's own thread only replaces the newest state.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from cachetools import TTLCache
from fastapi import WebSocket

from comfy.base.errors import RunNotFound
from comfy.comfyui.protocol.events import Preview
from comfy.comfyui.protocol.run_state import RunState
from comfy.records.record import Record
from comfy.runs.durations import RunTimes
from comfy.runs.interface import Run, RunRegistry
from ui.documents.run_doc import RunDoc
from ui.sockets.preview_encodings import PreviewEncodings
from ui.sockets.preview_window import PreviewWindow
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.responses import json_text
from ui.web.shares import turn_of
from ui.web.socket_limits import (
    UNKNOWN_RUN,
    UNKNOWN_WORD,
    authenticate_socket,
    ends_with_browser,
    run_until_first,
    set_from_thread,
)

_PAINTED = re.compile(r"painted ([0-9]{1,9}) ([0-9]{1,6})")
_TEXT_INTERVAL = 0.1  # seconds between two progress messages to one browser
_LAST_FRAME_WAIT = (
    5.0  # seconds that a run's end waits for a slow browser to paint its current frame
)

_EARLY = 10.0  # seconds that a run waits for the socket with its key
_MOST_EARLY = 1000  # such runs

KEY_HEADER = "x-run-socket"  # in a request that starts runs: the key of the waiting socket

Show = Callable[
    [Record, RunTimes | None], RunDoc
]  # takes a run and the usual times of such runs; returns the stage's document


def run_socket_routes(
    runs: RunRegistry,
    identity: Identity,
    view: Show,
    telling: set[WebSocket],
    waiting: WaitingSockets,
    *,
    smaller_previews: bool,
) -> GuardedRoutes:
    """Return the WebSocket `/live/{run_id}`, and `/live/next/{key}`, which waits for a run that the
    page starts with this key. For a run that is only on record, the first one sends its end.

    `telling` holds the sockets that haven't sent the end of their run yet. `smaller_previews`: a
    link that can't carry the original previews gets smaller ones.
    """
    return GuardedRoutes.of(
        RunSocketHandlers(
            runs, identity, view, telling, waiting, PreviewEncodings(enabled=smaller_previews)
        )
    )


@dataclass(frozen=True, slots=True)
class RunSocketHandlers:
    """Handlers of both sockets. See `run_socket_routes`."""

    runs: RunRegistry
    identity: Identity
    view: Show
    telling: set[WebSocket]
    waiting: WaitingSockets
    encodings: PreviewEncodings

    routes = GuardedRoutes()

    @routes.websocket("/live/{run_id}", Access.OWNER, closes_signed_out=True)
    async def live(self, socket: WebSocket, run_id: str) -> None:
        """Follow a run, or send the end of one that is only on record."""
        owner = await authenticate_socket(socket, self.identity)
        if owner is None:
            return
        try:
            run = self.runs.get(run_id, owner)
        except RunNotFound:
            await self._tell_record(socket, run_id, owner)
            return
        await self._follow(socket, run)

    @routes.websocket("/live/next/{key}", Access.SIGNED_IN)
    async def live_next(self, socket: WebSocket, key: str) -> None:
        """Wait for the run that the page starts with this key, and follow it."""
        owner = await authenticate_socket(socket, self.identity)
        if owner is None:
            return
        run: Run | None = None

        async def take() -> None:
            nonlocal run
            run = await coming

        with self.waiting.wait(owner, key) as coming:
            await run_until_first(socket, take(), _say_nothing(socket))
        if run is not None:
            with ends_with_browser(socket):
                await socket.send_text(json_text({"run": run.id}))
                await self._follow(socket, run)

    async def _follow(self, socket: WebSocket, run: Run) -> None:
        run.attach()
        self.telling.add(socket)
        try:
            await RunSession(socket, run, self.view, self.encodings).serve()
        finally:
            self.telling.discard(socket)
            run.detach()

    async def _tell_record(self, socket: WebSocket, run_id: str, owner: str) -> None:
        try:
            async with turn_of(socket):
                record = await asyncio.to_thread(self.runs.record, run_id, owner)
        except RunNotFound:
            await socket.close(UNKNOWN_RUN)
            return
        if not record.state.phase.finished:  # it was just started at another process
            with suppress(RunNotFound):
                await self._follow(socket, self.runs.get(run_id, owner))
                return
        text = await _text_of(socket, self.view, record, None)
        with ends_with_browser(socket):
            await socket.send_text(text)
            await socket.close()


async def _text_of(socket: WebSocket, view: Show, record: Record, times: RunTimes | None) -> str:
    """Return a run's document as JSON. It may be large, and a finished one needs the form, which
    may query the server."""
    async with turn_of(socket):
        return await asyncio.to_thread(lambda: json_text(view(record, times).to_json()))


async def _say_nothing(socket: WebSocket) -> None:
    await socket.receive_text()
    await socket.close(UNKNOWN_WORD)


class WaitingSockets:
    """Sockets that wait for the next run of their page, by owner and key. Thread-safe.

    The request that starts the run may overtake its socket: over a long link, an open connection
    is faster than a new one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], Callable[[Run], None]] = {}
        self._early: TTLCache[tuple[str, str], Run] = TTLCache(_MOST_EARLY, _EARLY)

    @contextmanager
    def wait(self, owner: str, key: str) -> Iterator[asyncio.Future[Run]]:
        """Wait on the running event loop for the run that `hand_over` gets with this key, or got in
        the last seconds.

        If another waiting socket has the key, the wait never ends.
        """
        loop, owner_key = asyncio.get_running_loop(), (owner, key)
        coming: asyncio.Future[Run] = loop.create_future()

        def resolve(run: Run) -> None:
            if not coming.done():
                coming.set_result(run)

        def resolve_from_thread(run: Run) -> None:
            with suppress(RuntimeError):  # the loop is closed because the app has ended
                loop.call_soon_threadsafe(resolve, run)

        with self._lock:
            if (run := self._early.pop(owner_key, None)) is not None:
                resolve(run)
            else:
                self._waiting.setdefault(owner_key, resolve_from_thread)
        try:
            yield coming
        finally:
            with self._lock:
                if self._waiting.get(owner_key) is resolve_from_thread:
                    del self._waiting[owner_key]

    def hand_over(self, run: Run, key: str) -> None:
        """Let the owner's socket with this key follow a run, also if it opens soon."""
        with self._lock:
            resolve = self._waiting.pop((run.owner, key), None)
            if resolve is None and key:
                self._early[run.owner, key] = run
        if resolve is not None:
            resolve(run)


class RunSession:
    """Session of one browser that watches one run."""

    def __init__(
        self, socket: WebSocket, run: Run, view: Show, encodings: PreviewEncodings
    ) -> None:
        self.socket = socket
        self.run = run
        self.view = view
        self.encodings = encodings
        self.window = PreviewWindow()
        self.changed = asyncio.Event()
        self.frames_changed = asyncio.Event()  # set for a new frame or a browser's response to one
        self.newest = 0
        # The newest single preview, or for an animation the newest preview of each frame, by
        # number.
        self.due: dict[int | None, tuple[int, Preview]] = {}
        self.remembering = threading.Lock()  # held by the run's threads and the event loop

    async def serve(self) -> None:
        """Send until the run ends or the browser leaves."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            self.remember(self.run.state)
            set_from_thread(loop, self.changed, self.frames_changed)

        unsubscribe = self.run.subscribe(wake)
        self.remember(self.run.state)
        try:
            await run_until_first(self.socket, self.listen(), self.show())
        finally:
            unsubscribe()

    async def show(self) -> None:
        """Send frames and views until the run has ended; its end comes after its last frame."""
        frames = asyncio.create_task(self.send_frames())
        try:
            await self.tell(after=frames)
        finally:
            frames.cancel()
            await asyncio.gather(frames, return_exceptions=True)

    def remember(self, state: RunState) -> None:
        """Store the newest preview: a finished run has none, and this browser may not have received
        it yet."""
        with self.remembering:
            preview = state.preview
            if preview is None or state.preview_number <= self.newest:
                return
            self.newest = state.preview_number
            if preview.frame is None:
                self.due.clear()
            self.due.pop(preview.frame, None)
            self.due[preview.frame] = (state.preview_number, preview)

    def next_frame(self, *, last: bool) -> tuple[int, Preview] | None:
        """Return the next frame to send, oldest first; the newest one if it is the `last` of a
        run."""
        with self.remembering:
            frames = list(self.due)
            return self.due[frames[-1 if last else 0]] if frames else None

    async def listen(self) -> None:
        """Handle the browser's messages until it leaves: "stop", and "painted" with the frame's
        number and the milliseconds that its bytes took to arrive."""
        while True:
            word = await self.socket.receive_text()
            if painted := _PAINTED.fullmatch(word):
                number, spent = map(int, painted.groups())
                self.window.painted(number, spent / 1000, time.monotonic())
                self.frames_changed.set()
            elif word == "stop":
                self.run.cancel()
            else:
                await self.socket.close(UNKNOWN_WORD)
                return

    async def tell(self, *, after: asyncio.Task[None]) -> None:
        """Send views as they arrive, the last one after the last frame, and close."""
        last = ""
        async for state in self.states():
            finished = state.phase.finished
            if finished:
                await after
            record, times = replace(self.run.record, state=state), self.run.usual_times
            text = await _text_of(self.socket, self.view, record, times)
            if text != last:
                last = text
                await self.socket.send_text(text)
            if finished:
                await self.socket.close()
                return

    async def states(self) -> AsyncIterator[RunState]:
        """Yield the run's newest state, immediately and after each change, at most every
        TEXT_INTERVAL."""
        while True:
            self.changed.clear()
            started = time.monotonic()
            yield self.run.state
            await self.changed.wait()
            await self.gather(until=started + _TEXT_INTERVAL)

    async def gather(self, until: float) -> None:
        """Let changes add up until that moment; return immediately when the run has finished."""
        while not self.run.state.phase.finished:
            self.changed.clear()
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    await self.changed.wait()
            except TimeoutError:
                return

    async def send_frames(self) -> None:
        """Send the newest frame whenever the link has room for it, and the last frame of a finished
        run."""
        came = 0
        while True:
            self.frames_changed.clear()
            finished = self.run.state.phase.finished
            now = time.monotonic()
            if self.newest > came:
                came = self.newest
                self.window.came(now)
            frame = self.next_frame(last=finished)
            wait = None if frame is None else self.window.wait(now)
            if frame is not None and wait == 0:
                await self.send_frame(*frame)
            elif frame is not None or not finished:
                longest = _LAST_FRAME_WAIT if finished else None
                known = wait is not None
                if await self.frame_news(wait if known else longest) or known:
                    continue
                return
            if finished:
                return

    async def frame_news(self, seconds: float | None) -> bool:
        """Return whether there was news about frames within this many seconds; None: wait without
        limit."""
        try:
            async with asyncio.timeout(seconds):
                await self.frames_changed.wait()
        except TimeoutError:
            return False
        return True

    async def send_frame(self, number: int, preview: Preview) -> None:
        """Send the frame's number, by which the browser recognizes the start, and the frame."""
        with self.remembering:
            if self.due.get(preview.frame) == (number, preview):
                del self.due[preview.frame]
        data = await self.encodings.fitting(self.run.id, number, preview.data, self.window)
        header: dict[str, float] = {"frame": number}
        animation = self.run.state.animation
        if preview.frame is not None and animation is not None:
            header |= {"at": preview.frame, "of": animation.frames, "rate": animation.rate}
        self.window.sent(number, len(data), time.monotonic())
        await self.socket.send_text(json_text(header))
        await self.socket.send_bytes(data)
