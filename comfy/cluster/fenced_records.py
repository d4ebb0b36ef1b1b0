"""Records as the execution of a run writes them, and repetition while the database is away."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from comfy.base.errors import ComfyError
from comfy.cluster.rows import Fence, NotOurs
from comfy.records.record import Record
from comfy.records.store import RunStore

log = logging.getLogger(__name__)

T = TypeVar("T")

_PAUSE = 0.5  # seconds until the database is tried again


class FencedRecords:
    """The history as one execution uses it: nothing is written once another process has taken the
    run over, and the row of the queue ends with the run."""

    def __init__(
        self, history: RunStore, fence: Fence, not_ours: Callable[[], None], tries: Retries
    ) -> None:
        self._history, self._fence = history, fence
        self._not_ours, self._tries = not_ours, tries
        self.ending = False  # from here on, the run's row may be gone

    def sent(self, record: Record, prompt_id: str) -> None:
        """See `RunStore.sent`. Waits for a database that is away, because the run may be executed
        twice without this."""

        def write() -> None:
            if not self._history.sent_if(record, prompt_id, self._fence.condition):
                raise NotOurs

        self._tries.until_done(partial(self._guarded, write))

    def end(self, record: Record) -> None:
        """See `RunStore.end`."""
        self.ending = True
        self._guarded(partial(self._history.end, record, self._fence.end))

    def _guarded(self, write: Callable[[], None]) -> None:
        try:
            write()
        except NotOurs:
            self._not_ours()
            raise


class Retries:
    """Repetition of database work while the database is away, until the process ends."""

    def __init__(self) -> None:
        self._closing = threading.Event()

    def close(self) -> None:
        """Repeat nothing anymore."""
        self._closing.set()

    @property
    def closing(self) -> bool:
        """Return whether the process ends."""
        return self._closing.is_set()

    def until_done(self, work: Callable[[], T]) -> T:
        """Return the result of the work. Raises NotOurs, and at the end of the process the last
        ComfyError."""
        while True:
            try:
                return work()
            except NotOurs:
                raise
            except ComfyError as problem:
                log.warning("The database is away: %s", problem)
                if self._closing.wait(_PAUSE):
                    raise
