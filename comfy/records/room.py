"""How much room rows and files may take, and when it is time to look whether they take more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

_SLACK = 1 / 100  # of all room: what may come before somebody looks
_LEAST_SLACK = 1_000_000.0  # bytes


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes that the rows and files of one kind may have together. `grew`: told how many bytes were
    just added; it may remove what is older, so call it without a lock or a transaction."""

    most: float
    grew: Callable[[float], None]


@dataclass(slots=True)
class Growth:
    """Bytes that were added since somebody last looked. Any thread may add to it."""

    most: float  # bytes of all rows and files together
    _added: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def slack(self) -> float:
        """Return the bytes that may be over."""
        return max(_LEAST_SLACK, self.most * _SLACK)

    def add(self, size: float) -> bool:
        """Note more bytes. Return whether it is time to look, once for each time that it is."""
        with self._lock:
            self._added += size
            if self._added <= self.slack:
                return False
            self._added = 0.0
            return True
