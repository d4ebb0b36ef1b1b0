"""Log of administrators' actions: a line in the app's log, and a record for the page."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass

from comfy.base.errors import ComfyError
from comfy.records.administration import AdministrationStore, AuditLine

log = logging.getLogger(__name__)

_MOST = 50  # shown on the page


@dataclass(frozen=True, slots=True)
class Actor:
    """Administrator who does something: the `owner` of their runs, and their `name` for people."""

    owner: str
    name: str


class AuditLog:
    """Log of actions. Without a `store`, the last ones are in memory. Thread-safe."""

    def __init__(self, store: AdministrationStore | None) -> None:
        self._store = store
        self._lines: deque[AuditLine] = deque(maxlen=_MOST)

    def note(self, sentence: str) -> None:
        """Log an action. The sentence names the person who did it."""
        log.info("%s", sentence)
        if self._store is None:
            self._lines.appendleft(AuditLine(time.time(), sentence))
            return
        try:
            self._store.add_line(sentence)
        except ComfyError as problem:  # the action was done anyway
            log.warning("This action couldn't be recorded: %s %s", problem, problem.hint)

    def last(self) -> tuple[AuditLine, ...]:
        """Return the last actions, newest first. Raises ComfyError."""
        return tuple(self._lines) if self._store is None else self._store.lines(_MOST)
