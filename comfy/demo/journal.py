"""What became of every prompt, whatever clients were told of it."""

import threading
from typing import Literal

Entry = Literal[
    "taken",  # into the queue
    "started",
    "told",  # its client's socket was sent that it has started
    "success",
    "error",
    "interrupted",
    "removed",  # from the queue, before it started
    "killed",  # the server died while it waited or ran
]


class Journal:
    """The lives of all prompts, over all lives of the server. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[Entry, ...]] = {}

    def add(self, prompt_id: str, entry: Entry) -> None:
        with self._lock:
            self._entries[prompt_id] = (*self._entries.get(prompt_id, ()), entry)

    def of(self, prompt_id: str) -> tuple[Entry, ...]:
        """What happened to this prompt, in order; empty if it was never taken."""
        with self._lock:
            return self._entries.get(prompt_id, ())
