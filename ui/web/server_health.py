"""Health checks of the ComfyUI servers while a page is open, shared by all pages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from comfy.base.errors import ServerUnreachable
from comfy.base.threads import repeated
from ui.web.socket_limits import set_from_thread

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CheckIntervals:
    """Seconds from one answer to the next check: `idle` while all is well, `recheck` after a failed
    request, `away` while the server doesn't answer."""

    idle: float = 10.0
    recheck: float = 1.0
    away: float = 2.0

    def pause(self, *, reachable: bool) -> tuple[float, float]:
        """Return the pauses after a failed request and after an answered one."""
        return (min(self.recheck, self.idle), self.idle) if reachable else (self.away, self.away)


class ServerHealth:
    """Health check of the servers, active while pages listen. Belongs to the event loop, except
    `recheck` and `reachable`, which are thread-safe."""

    def __init__(self, answers: Callable[[], bool], pace: CheckIntervals | None) -> None:
        """`answers` queries the servers, in a thread, and may block. ServerUnreachable at shutdown
        isn't reported."""
        self.reachable = True
        """Whether the last question was answered; True before the first."""
        self._answers = answers
        self._pace = pace or CheckIntervals()
        self._listeners: set[Callable[[], None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._recheck = asyncio.Event()

    @property
    def listening(self) -> int:
        """Return the number of listeners: one per open page."""
        return len(self._listeners)

    @contextlib.contextmanager
    def listen(self, changed: Callable[[], None]) -> Iterator[None]:
        """Call `changed` whenever `reachable` changes, during the block. The first listener makes
        it query the server immediately."""
        self._listeners.add(changed)
        self._loop = asyncio.get_running_loop()
        if self._task is None:
            self._task = self._loop.create_task(repeated(self._ask, self._pause))
        try:
            yield
        finally:
            self._listeners.discard(changed)
            if not self._listeners:
                self._task.cancel()
                self._task = None

    def recheck(self) -> None:
        """Check the server again soon, because a request got no answer. Thread-safe."""
        if self._loop is not None:
            set_from_thread(self._loop, self._recheck)

    async def _ask(self) -> None:
        self._recheck.clear()
        with contextlib.suppress(ServerUnreachable):
            self._tell(reachable=await asyncio.to_thread(self._answers))

    async def _pause(self) -> None:
        short, long = self._pace.pause(reachable=self.reachable)
        await asyncio.sleep(short)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._recheck.wait(), long - short)

    def _tell(self, *, reachable: bool) -> None:
        if reachable == self.reachable:
            return
        self.reachable = reachable
        text = "answers again" if reachable else "does not answer"
        log.warning("The ComfyUI server %s.", text)
        for changed in list(self._listeners):
            changed()
