"""Space that rows and files may use, and when to check it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

_SLACK = 1 / 100  # part of the limit that may be written between two checks
_LEAST_SLACK = 1_000_000.0  # bytes


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """Limits of the history: `days` that finished runs are stored, and the total `bytes` of all
    owners' records and files. Above that total, the oldest runs of the largest owner are deleted,
    favorites last."""

    days: float = 30
    bytes: int = 20 * 2**30


@dataclass(frozen=True, slots=True)
class Room:
    """Limit in bytes for the rows and files of one kind. `grew` gets the number of added bytes and
    may delete older data, so call it without a lock or a transaction."""

    most: float
    grew: Callable[[float], None]


@dataclass(slots=True)
class Growth:
    """Thread-safe counter of the bytes added since the last check."""

    most: float  # bytes of all rows and files together
    _added: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def slack(self) -> float:
        """Return the bytes that may be added before the next check."""
        return max(_LEAST_SLACK, self.most * _SLACK)

    def add(self, size: float) -> bool:
        """Count added bytes. Return True if a check is due, once for each check."""
        with self._lock:
            self._added += size
            if self._added <= self.slack:
                return False
            self._added = 0.0
            return True
