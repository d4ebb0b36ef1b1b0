"""Rate limits by key."""

from __future__ import annotations

import threading
from collections import OrderedDict

MOST_RATES = 10_000


class Rate:
    """Token bucket per key: `most` tokens at once, and one more every `every` seconds. Times come
    from any monotonic clock. Thread-safe.

    Stores at most 10,000 keys; the least recently used is forgotten first.
    """

    def __init__(self, most: float, every: float) -> None:
        self.most = most
        self.every = every
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now: float) -> bool:
        """Take a token and return True, or return False if there are no tokens left."""
        with self._lock:
            left, updated_at = self._left.pop(key, (self.most, now))
            left = min(self.most, left + (now - updated_at) / self.every)
            allowed = left >= 1
            self._left[key] = (left - allowed, now)
            if len(self._left) > MOST_RATES:
                self._left.popitem(last=False)
        return allowed
