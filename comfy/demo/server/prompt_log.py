"""Log of what happened to every prompt, independent of messages to clients."""

from __future__ import annotations

import threading
from typing import Literal

LogEntry = Literal[
    "taken",  # added to the queue
    "started",
    "told",  # the start message was sent to its client's socket
    "success",
    "error",
    "interrupted",
    "removed",  # removed from the queue before it started
    "killed",  # the server stopped while the prompt was waiting or running
]


class Journal:
    """Log of each prompt's events, across restarts of the server. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[LogEntry, ...]] = {}

    def add(self, prompt_id: str, entry: LogEntry) -> None:
        """Log an event of this prompt."""
        with self._lock:
            self._entries[prompt_id] = (*self._entries.get(prompt_id, ()), entry)

    def of(self, prompt_id: str) -> tuple[LogEntry, ...]:
        """Return this prompt's events in order; empty if it was never accepted."""
        with self._lock:
            return self._entries.get(prompt_id, ())

    def all(self) -> dict[str, tuple[LogEntry, ...]]:
        """Return the events of every prompt, in order of acceptance."""
        with self._lock:
            return dict(self._entries)
