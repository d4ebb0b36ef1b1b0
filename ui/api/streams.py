"""Streamed answers: the events of runs, batches and chains, and a run's previews and files.

Follow a run, a batch or a chain on the event loop, without blocking a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import Header, Query, Request
from fastapi.responses import Response
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from comfy.base.errors import ComfyError, RunNotFound
from comfy.comfyui.protocol.run_state import RunState
from comfy.groups.queue import GroupQueue, Summary
from comfy.records.record import Record
from comfy.runs.interface import Run
from ui.api.problems import NotThere
from ui.api.runs import Runs
from ui.documents.headlines import NO_RESULT
from ui.documents.run_doc import result_name
from ui.files.result_files import ResultFiles
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.responses import BINARY, NO_STORE, has_tag, json_text
from ui.web.shares import Room, Work, turn_of
from ui.web.socket_limits import set_from_thread

# A run's subscribe method, which takes a callback and returns a function that unsubscribes it.
Subscribe = Callable[[Callable[[], None]], Callable[[], None]]
_PAUSE = 0.1  # seconds between two states; the end is sent at once
SILENCE = 10.0  # seconds until a stream sends a sign of life
_NO_PREVIEW = "This run has no preview at the moment."
_FRAMES = "multipart/x-mixed-replace"
_BOUNDARY = "frame"
_STILL_HERE = b": still here\n\n"
_SAME: dict[str, Any] = {"description": "Unchanged since the version that you have."}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    204: {"description": "The run, batch or chain has ended, and you have its last event."},
}
# Options of a route that streams events.
STREAM: dict[str, Any] = {
    "room": Room.CALLS,
    "response_class": Response,
    "responses": EVENTS,
}
_IMAGES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The newest image, or all images as they come.",
        "content": {"image/jpeg": BINARY, "image/png": BINARY, _FRAMES: BINARY},
    },
    304: _SAME,
}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {"*/*": BINARY}},
    206: {"description": "The requested range of the file.", "content": {"*/*": BINARY}},
    304: _SAME,
}


class LiveStream(StreamingResponse):
    """Answer that streams as long as a run, a batch or a chain is active. Its source ends with
    it. Its route declares a room."""

    def __init__(self, body: AsyncGenerator[bytes], media_type: str = "text/event-stream") -> None:
        super().__init__(body, media_type=media_type, headers=NO_STORE)
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as long as the source is active and its caller stays connected."""
        async with contextlib.aclosing(self._body):
            await super().__call__(scope, receive, send)


@contextlib.contextmanager
def news_of(subscribe: Subscribe) -> Iterator[asyncio.Event]:
    """Yield an event that is set at each change."""
    changed = asyncio.Event()
    leave = subscribe(partial(set_from_thread, asyncio.get_running_loop(), changed))
    try:
        yield changed
    finally:
        leave()


async def states_of(run: Run) -> AsyncGenerator[RunState | None]:
    """Yield the current state and each newer one, up to the end of the run or of the app. Yields
    None after every SILENCE seconds without a change."""
    with news_of(run.subscribe) as changed:
        while True:
            changed.clear()
            began, state = time.monotonic(), run.state
            yield state
            if state.phase.finished or run.is_disowned:
                return
            while not await _within(changed, SILENCE):
                yield None
            while not run.state.phase.finished:
                changed.clear()
                if not await _within(changed, began + _PAUSE - time.monotonic()):
                    break


async def summaries_of(
    groups: GroupQueue[Any, Summary], group_id: str, owner: str
) -> AsyncGenerator[Summary | None]:
    """Yield the states of this owner's batch or chain. Raises like its `get`, also if it is deleted
    while waiting."""

    def own_news(tell: Callable[[], None]) -> Callable[[], None]:
        return groups.subscribe(lambda whose: tell() if whose == owner else None)

    with news_of(own_news) as changed:
        while True:
            changed.clear()
            summary = await asyncio.to_thread(groups.get, group_id, owner)
            yield summary
            if summary.finished:
                return
            while not await _within(changed, SILENCE):
                yield None
            await asyncio.sleep(_PAUSE)


async def ends_first(run: Run, request: Request) -> bool:
    """Wait for a run's end. Return False if the caller disconnects first. The request's body must
    have been read."""

    async def end() -> None:
        async for _ in states_of(run):
            pass

    return await _before_leaving(end(), request)


async def group_ends_first(
    groups: GroupQueue[Any, Summary],
    group_id: str,
    owner: str,
    request: Request,
    gave_up: Callable[[Summary], bool] = lambda _: False,
) -> bool:
    """Wait for the end of this owner's batch or chain, or until it `gave_up`, because then it may
    never end. Return False if the caller disconnects first."""

    async def end() -> None:
        async with contextlib.aclosing(summaries_of(groups, group_id, owner)) as summaries:
            async for summary in summaries:
                if summary is not None and gave_up(summary):
                    return

    return await _before_leaving(end(), request)


async def _before_leaving(awaited: Coroutine[None, None, None], request: Request) -> bool:
    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    ended, left = tasks = [asyncio.create_task(awaited), asyncio.create_task(gone())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return ended.done() or not left.done()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _within(changed: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await changed.wait()
    except TimeoutError:
        return False
    return True


def streams_api(runs: Runs, results: ResultFiles) -> GuardedRoutes:
    """Return `GET /runs/{run_id}/events`, `/preview` and `/files/{n}`."""
    return GuardedRoutes.of(StreamHandlers(runs, results))


@dataclass(frozen=True, slots=True)
class StreamHandlers:
    """Handlers of the routes that stream a run's events, previews and files."""

    runs: Runs
    results: ResultFiles

    routes = GuardedRoutes(tags=["Runs"])

    def _found(self, run_id: str, owner: str) -> Run | Record:
        """Return the run, or the record of one that ended long ago."""
        try:
            return self.runs.registry.get(run_id, owner)
        except RunNotFound:
            record = self.runs.record(run_id, owner)
        if not record.state.phase.finished:  # it was just started at another process
            with suppress(RunNotFound):
                return self.runs.registry.get(run_id, owner)
        return record

    @routes.get("/runs/{run_id}/events", Access.OWNER, **STREAM)
    async def follow_run(
        self, request: Request, run_id: str, owner: Owner, last_event_id: str = Header("")
    ) -> Response:
        """Send a run's state as server-sent events.

        The first event is sent at once, another one after each change, and `end` at the end. Each
        event is the whole state. With `Last-Event-ID` the newest state is sent, unless it has this
        id; the status is 204 if that was the end.
        """
        async with turn_of(request):
            run = await asyncio.to_thread(self._found, run_id, owner)
            if not isinstance(run, Record) and not run.state.phase.finished:
                return LiveStream(_events_of(request, self.runs, run, last_event_id))
        record = run if isinstance(run, Record) else run.record
        return await _end_event(request, self.runs.document, record, last_event_id)

    @routes.get("/runs/{run_id}/preview", Access.OWNER, **STREAM | {"responses": _IMAGES})
    async def get_run_preview(
        self,
        request: Request,
        run_id: str,
        owner: Owner,
        *,
        frames: Annotated[bool, Query(alias="stream")] = False,
        accept: str = Header(""),
        if_none_match: str = Header(""),
    ) -> Response:
        """Return a run's newest preview image.

        The status is 404 before the first image and after the end. `stream=true`, or `Accept:
        multipart/x-mixed-replace`, sends all images as they come.
        """
        async with turn_of(request):
            run = await asyncio.to_thread(self._found, run_id, owner)
        if isinstance(run, Record):
            raise NotThere(_NO_PREVIEW)
        if frames or _FRAMES in accept:
            return LiveStream(frames_of(run), f"{_FRAMES}; boundary={_BOUNDARY}")
        await asyncio.to_thread(run.catch_up)
        state = run.state
        if state.preview is None:
            raise NotThere(_NO_PREVIEW)
        headers = NO_STORE | {"etag": f'"{state.preview_number}"'}
        if has_tag(headers["etag"], if_none_match):
            return Response(status_code=304, headers=headers)
        return Response(state.preview.data, media_type=state.preview.media_type, headers=headers)

    @routes.head("/runs/{run_id}/files/{n}", Access.OWN_FILE, include_in_schema=False)
    @routes.get(
        "/runs/{run_id}/files/{n}",
        Access.OWN_FILE,
        work=Work.FILE,
        audit="file",
        response_class=Response,
        responses=_FILE,
    )
    def get_run_file(
        self, request: Request, run_id: str, n: int, owner: Owner, if_none_match: str = Header("")
    ) -> Response:
        """Return a result file by its number, from 0, with `ETag` and ranges."""
        record = self.runs.record(run_id, owner)
        files = record.state.files
        if not 0 <= n < len(files):
            raise NotThere(NO_RESULT)
        tag = f'"{files[n].digest}"' if files[n].digest else ""
        if tag and has_tag(tag, if_none_match):
            return Response(status_code=304, headers={"etag": tag})
        ranges = request.headers.get("range")
        answer = self.results.send(record, files[n], result_name(record, n), ranges)
        if tag:
            answer.headers["etag"] = tag
        return answer


@dataclass(frozen=True, slots=True)
class GroupEvents:
    """Event streams of batches or chains. Each event is a full document, from `document`,
    which may block."""

    groups: GroupQueue[Any, Any]
    document: Callable[[Any], Any]

    async def answer(self, request: Request, group_id: str, owner: str, known: str) -> Response:
        """Return the events of this owner's object, from the first event whose id isn't `known`.
        Raises like `get` of the object's queue."""
        async with turn_of(request):
            summary = await asyncio.to_thread(self.groups.get, group_id, owner)
        if summary.finished:
            return await _end_event(request, self.document, summary, known)
        return LiveStream(self._events(request, group_id, owner, known))

    async def _events(
        self, request: Request, group_id: str, owner: str, known: str
    ) -> AsyncGenerator[bytes]:
        # for example after its deletion, which the client learns from its next request
        with suppress(ComfyError):
            async for summary in summaries_of(self.groups, group_id, owner):
                # Objects that continue after a restart send a last state after their last run.
                is_last = self.groups.is_closing and not self.groups.is_at_work(group_id)
                if is_last:
                    summary = await asyncio.to_thread(self.groups.get, group_id, owner)
                if summary is None:
                    yield _STILL_HERE
                    continue
                state_id, event = await _event_of(request, self.document, summary)
                if state_id != known:
                    known = state_id
                    yield event
                if is_last:
                    return


async def _end_event(
    request: Request, document: Callable[[Any], Any], what: object, known: str
) -> Response:
    """Return the event of an ended object, or 204 if the client knows it."""
    state_id, event = await _event_of(request, document, what)
    if state_id == known:
        return Response(status_code=204)
    return Response(event, media_type="text/event-stream", headers=NO_STORE)


async def _events_of(request: Request, runs: Runs, run: Run, known: str) -> AsyncGenerator[bytes]:
    """Yield the events of an active run, from the first event whose id isn't `known`."""
    async for state in states_of(run):
        if state is None:
            yield _STILL_HERE
            continue
        document = runs.document if state.phase.finished else runs.listed
        state_id, event = await _event_of(request, document, run.record)
        if state_id != known:
            known = state_id
            yield event


async def _event_of(
    request: Request, document: Callable[[Any], Any], what: object
) -> tuple[str, bytes]:
    """Return the id and the bytes of an event with a run, a batch or a chain. The same state has
    the same id, also after a restart of the app."""
    async with turn_of(request):
        return await asyncio.to_thread(_event, document, what)


def _event(document: Callable[[Any], Any], what: object) -> tuple[str, bytes]:
    # Not for the event loop: the document may be large.
    told = asdict(document(what))
    parts = {key: f"{json_text(key)}:{json_text(value)}" for key, value in told.items()}
    lasting = (part for key, part in parts.items() if key not in ("headline", "seconds_left"))
    state_id = hashlib.sha256(",".join(lasting).encode()).hexdigest()[:16]
    name, data = "end" if told["finished"] else "state", ",".join(parts.values())
    return state_id, f"id: {state_id}\nevent: {name}\ndata: {{{data}}}\n\n".encode()


async def frames_of(run: Run) -> AsyncGenerator[bytes]:
    """Yield the preview images as parts. A slow reader misses all but the newest."""
    number = 0
    async for state in states_of(run):
        if state is None or state.preview is None or state.preview_number == number:
            continue
        number, data = state.preview_number, state.preview.data
        head = f"--{_BOUNDARY}\r\ncontent-type: {state.preview.media_type}\r\n"
        yield head.encode() + b"content-length: %d\r\n\r\n" % len(data) + data + b"\r\n"
    yield b"--%s--\r\n" % _BOUNDARY.encode()
