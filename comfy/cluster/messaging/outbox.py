"""Queue of outgoing messages that keeps the newest ones."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

_MOST_QUEUED = 2**20  # bytes
# Bytes that are sent at once. A message that is queued can still be replaced; these can't.
_MOST_SENT = 2**17


@dataclass(slots=True)
class Outbox:
    """Queue between the threads that publish and the thread that sends. It is closed at first, and
    a closed outbox drops all messages."""

    _changed: threading.Condition = field(default_factory=threading.Condition)
    _queued: dict[tuple[str, object], bytes] = field(default_factory=dict)
    _size: int = 0
    _open: bool = False

    def put(self, channel: str, body: bytes, key: str | None = None) -> None:
        """Queue a message. It replaces the queued one of the same channel and key, in its place.
        Above 1 MiB, the oldest messages are dropped. Thread-safe; never waits for the network."""
        slot = (channel, object() if key is None else key)
        with self._changed:
            if not self._open:
                return
            self._size += len(body) - len(self._queued.get(slot, b""))
            self._queued[slot] = body
            while self._size > _MOST_QUEUED and len(self._queued) > 1:
                self._remove(next(iter(self._queued)))
            self._changed.notify()

    def take(self, seconds: float) -> list[tuple[str, bytes]]:
        """Wait for messages and return some of the oldest with their channels, or [] after this
        time."""
        taken: list[tuple[str, bytes]] = []
        size = 0
        with self._changed:
            self._changed.wait_for(lambda: self._queued, seconds)
            while self._queued and size < _MOST_SENT:
                slot = next(iter(self._queued))
                body = self._remove(slot)
                taken.append((slot[0], body))
                size += len(body)
        return taken

    def open(self) -> None:
        """Accept messages."""
        with self._changed:
            self._open = True

    def close(self) -> None:
        """Drop all messages, and those that come later."""
        with self._changed:
            self._open = False
            self._queued.clear()
            self._size = 0

    def _remove(self, slot: tuple[str, object]) -> bytes:
        body = self._queued.pop(slot)
        self._size -= len(body)
        return body
