"""The server's queue as all waiting runs see it: one look a second, however many ask."""

from __future__ import annotations

import threading
import time

from comfy.client import Client, Queue

__all__ = ["QueueBoard"]


class QueueBoard:
    """Shares one answer of ``/queue`` among runs. With 50 of them waiting, each asking by itself, it would be asked
    thousands of times; and an answer holds every prompt in the queue."""

    def __init__(self, interval: float = 1.0) -> None:
        self._interval = interval
        self._lock = threading.Lock()
        self._queue: Queue | None = None
        self._taken = float("-inf")

    @property
    def due(self) -> float:
        """When (``time.monotonic``) the next look may be taken."""
        return self._taken + self._interval

    def look(self, client: Client, since: float) -> Queue | None:
        """The queue as it was at some time after ``since``; None if that has to wait: ask again at `due`."""
        if self._queue is not None and self._taken >= since:
            return self._queue
        if time.monotonic() < self.due or not self._lock.acquire(blocking=False):
            return None
        try:
            # Marked before asking: what happens while the answer is on its way may be missing in it.
            self._taken, self._queue = time.monotonic(), None
            self._queue = client.queue()
            return self._queue
        finally:
            self._lock.release()
