"""Frames that wait for the clients of `/ws`, and how many bytes each user's sockets may hold."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

from comfy.media.checks import MIB

MOST_UNREAD = 10_000  # states per client
MOST_UNREAD_BYTES = 256 * MIB  # of all sockets of a user; a frame that exceeds it still waits
SENT_PER_STEP = 4  # frames in a step of the event loop; each can wait for a busy thread


class UnreadBytes:
    """Counter of the bytes that wait for each user's sockets. Thread-safe. `sending`: the places of
    all sockets in the event loop's step."""

    def __init__(self) -> None:
        self.sending = asyncio.Semaphore(SENT_PER_STEP)
        self._lock = threading.Lock()
        self._sizes = Counter[str]()

    def take(self, person: str, size: int) -> bool:
        """Count a frame, or return False if too many bytes wait already."""
        with self._lock:
            if self._sizes[person] > MOST_UNREAD_BYTES:
                return False
            self._sizes[person] += size
            return True

    def give_back(self, person: str, size: int) -> None:
        with self._lock:
            self._sizes[person] -= size
            if not self._sizes[person]:
                del self._sizes[person]


class UnreadFrames:
    """Frames that wait for one client of `person`, in order; only the newest preview of each run
    waits. Thread-safe."""

    def __init__(self, sizes: UnreadBytes, person: str) -> None:
        self._sizes, self._person = sizes, person
        self._lock = threading.Lock()  # for the runs' threads and the event loop
        self._frames: list[tuple[str, str | bytes]] = []
        self._size = 0
        self._is_closed = False

    def put(self, frame: str | bytes, preview_of: str = "") -> bool:
        """Add a frame, and return whether it fits. `preview_of`: the run whose preview it is."""
        with self._lock:
            if self._is_closed:
                return True
            if preview_of:
                replaced = [one for one in self._frames if one[0] == preview_of]
                self._frames = [one for one in self._frames if one[0] != preview_of]
                self._release(sum(len(one) for _, one in replaced))
            if len(self._frames) >= MOST_UNREAD or not self._sizes.take(self._person, len(frame)):
                return False
            self._frames.append((preview_of, frame))
            self._size += len(frame)
            return True

    async def next(self) -> str | bytes | None:
        """Return the oldest frame, which counts until `sent`: the connection holds it, too. A frame
        for many sockets leaves in several steps of the event loop, which serves others between."""
        if not self._frames:
            return None
        async with self._sizes.sending:
            await asyncio.sleep(0)
        with self._lock:
            return self._frames.pop(0)[1] if self._frames else None

    def sent(self, frame: str | bytes) -> None:
        with self._lock:
            self._release(len(frame))

    def close(self) -> None:
        """Drop all frames, also those that come later."""
        with self._lock:
            self._is_closed = True
            self._frames.clear()
            self._release(self._size)

    def _release(self, size: int) -> None:
        self._size -= size
        self._sizes.give_back(self._person, size)
