"""How often something may happen."""

from __future__ import annotations

import threading
from collections import OrderedDict

MOST_RATES = 10_000


class Rate:
    """So many at once for each key, and one more each `every` seconds. Times are those of any clock
    that goes on. For any thread.

    Remembers at most 10,000 keys; the one used longest ago is forgotten first.
    """

    def __init__(self, most: float, every: float) -> None:
        self.most = most
        self.every = every
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now: float) -> bool:
        """Whether it may happen once more; if so, it has."""
        with self._lock:
            left, at = self._left.pop(key, (self.most, now))
            left = min(self.most, left + (now - at) / self.every)
            allowed = left >= 1
            self._left[key] = (left - allowed, now)
            if len(self._left) > MOST_RATES:
                self._left.popitem(last=False)
        return allowed
