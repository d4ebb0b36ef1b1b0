"""Whether the image server answers: asked while a page is open, once for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from comfy.base.errors import ServerUnreachable
from ui.web.periodic import repeated
from ui.web.socket_limits import set_from_thread

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CheckIntervals:
    """Seconds from one answer to the next question: `idle` where nothing is wrong, `recheck` where
    somebody's request had no answer meanwhile, `away` while the server does not answer."""

    idle: float = 10.0
    recheck: float = 1.0
    away: float = 2.0

    def pause(self, *, reachable: bool) -> tuple[float, float]:
        """The pause where a request had no answer, and where all had one."""
        return (min(self.recheck, self.idle), self.idle) if reachable else (self.away, self.away)


class ServerHealth:
    """Asks while anybody listens. Used on the event loop, but for `recheck`, and for `reachable`,
    which any thread may read."""

    def __init__(self, answers: Callable[[], bool], pace: CheckIntervals | None = None) -> None:
        """`answers` asks the server, in a thread, and may take its time; ServerUnreachable where
        the app ends, of which nothing is told."""
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
        """How many listen: one for each open page."""
        return len(self._listeners)

    @contextlib.contextmanager
    def listen(self, changed: Callable[[], None]) -> Iterator[None]:
        """Have `changed` called whenever `reachable` changes. The first to listen has the server
        asked at once."""
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
        """From any thread: a request was not answered, so that the server is asked soon."""
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
        said = "answers again" if reachable else "does not answer"
        log.warning("The image server %s.", said)
        for changed in list(self._listeners):
            changed()
