"""Follow a run, a batch or a chain on the event loop, without blocking a thread."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from functools import partial
from typing import Any

from fastapi import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from comfy.comfyui.protocol.run_state import RunState
from comfy.groups.queue import AnyStanding, GroupQueue
from comfy.runs.interface import Run
from ui.web.body_limits import BUSY
from ui.web.responses import NO_STORE, Problem
from ui.web.shares import Caller, Share
from ui.web.socket_limits import set_from_thread

# A run's subscribe method, which takes a callback and returns a function that unsubscribes it.
Subscribe = Callable[[Callable[[], None]], Callable[[], None]]

_PAUSE = 0.1  # seconds between two states; the end is sent at once
SILENCE = 10.0  # seconds until a stream sends a sign of life


class LiveStream(StreamingResponse):
    """Answer that streams as long as a run, a batch or a chain is active. Its source ends with it.
    `room` limits the streams per `caller`."""

    def __init__(
        self, body: AsyncGenerator[bytes], media_type: str, room: Share, caller: Caller
    ) -> None:
        super().__init__(body, media_type=media_type, headers=NO_STORE)
        self._body, self._room, self._caller = body, room, caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as long as the source is active and its caller stays connected."""
        with self._room.held(self._caller) as has_slot:
            if has_slot:
                async with contextlib.aclosing(self._body):
                    await super().__call__(scope, receive, send)
            else:
                await Problem(503, BUSY).answer()(scope, receive, send)


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
    """Yield the current state and each newer one, up to the end. Yields None after every SILENCE
    seconds without a change."""
    with news_of(run.subscribe) as changed:
        while True:
            changed.clear()
            began, state = time.monotonic(), run.state
            yield state
            if state.phase.finished:
                return
            while not await _within(changed, SILENCE):
                yield None
            while not run.state.phase.finished:
                changed.clear()
                if not await _within(changed, began + _PAUSE - time.monotonic()):
                    break


async def standings_of(
    groups: GroupQueue[Any, AnyStanding], group_id: str, owner: str
) -> AsyncGenerator[AnyStanding | None]:
    """Yield the states of this owner's batch or chain. Raises like its `get`, also if it is deleted
    while waiting."""

    def own_news(tell: Callable[[], None]) -> Callable[[], None]:
        return groups.subscribe(lambda whose: tell() if whose == owner else None)

    with news_of(own_news) as changed:
        while True:
            changed.clear()
            standing = await asyncio.to_thread(groups.get, group_id, owner)
            yield standing
            if standing.finished:
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
    groups: GroupQueue[Any, AnyStanding],
    group_id: str,
    owner: str,
    request: Request,
    gave_up: Callable[[AnyStanding], bool] = lambda _: False,
) -> bool:
    """Wait for the end of this owner's batch or chain, or until it `gave_up`, because then it may
    never end. Return False if the caller disconnects first."""

    async def end() -> None:
        async with contextlib.aclosing(standings_of(groups, group_id, owner)) as standings:
            async for standing in standings:
                if standing is not None and gave_up(standing):
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
