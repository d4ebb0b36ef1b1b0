"""What became of every prompt, whatever clients were told of it."""

from __future__ import annotations

import threading
from typing import Literal

LogEntry = Literal[
    "taken",  # into the queue
    "started",
    "told",  # its client's socket was sent that it has started
    "success",
    "error",
    "interrupted",
    "removed",  # from the queue, before it started
    "killed",  # the server was stopped while it waited or ran
]


class Journal:
    """What happened to each prompt, across restarts of the server. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[LogEntry, ...]] = {}

    def add(self, prompt_id: str, entry: LogEntry) -> None:
        """Note what happened to this prompt."""
        with self._lock:
            self._entries[prompt_id] = (*self._entries.get(prompt_id, ()), entry)

    def of(self, prompt_id: str) -> tuple[LogEntry, ...]:
        """What happened to this prompt, in order; empty if it was never taken."""
        with self._lock:
            return self._entries.get(prompt_id, ())

    def all(self) -> dict[str, tuple[LogEntry, ...]]:
        """What happened to every prompt, in the order in which they were taken."""
        with self._lock:
            return dict(self._entries)
