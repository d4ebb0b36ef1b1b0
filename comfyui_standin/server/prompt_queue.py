"""Waiting, running and finished prompts. In memory only: a restart loses them all
(docs/comfyui.md#20).

Log of what happened to every prompt, independent of messages to clients.
"""

from __future__ import annotations

import heapq
import json
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from comfyui_standin.nodes.base import NodeClass, RawPrompt

_ALWAYS = 8  # entries of the history that stay, however large: clients are about to ask for them
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


@dataclass(frozen=True, order=True, slots=True)
class QueueItem:
    """An accepted prompt. Lower numbers run first, then lower ids, as on the real server.
    `secrets`: the part of `extra_data` that only nodes get (docs/comfyui.md#62). `nodes`: the node
    classes of this prompt."""

    number: float
    prompt_id: str
    prompt: RawPrompt = field(compare=False)
    extra_data: dict[str, Any] = field(compare=False)
    outputs: tuple[str, ...] = field(compare=False)
    nodes: Mapping[str, NodeClass] = field(compare=False, repr=False)
    secrets: dict[str, str] = field(compare=False, default_factory=dict, repr=False)

    def as_list(self) -> list[Any]:
        """Return the prompt as /queue and /history list it."""
        return [self.number, self.prompt_id, self.prompt, self.extra_data, list(self.outputs)]


class PromptQueue:
    """Thread-safe queue and history. `changed` is called after every change of the number of tasks.
    `keeps` is called when a prompt has finished and returns whether to store its history entry.
    `history_bytes`: of the JSON of older entries."""

    def __init__(
        self,
        changed: Callable[[], None],
        journal: Journal,
        keeps: Callable[[], bool] = lambda: True,
        history_size: int = 10_000,
        history_bytes: float = math.inf,
    ) -> None:
        self._changed = changed
        self._journal = journal
        self._keeps = keeps
        self._history_size = history_size
        self._history_bytes = history_bytes
        self._lock = threading.RLock()
        self._not_empty = threading.Condition(self._lock)
        self._waiting: list[QueueItem] = []
        self._running: QueueItem | None = None
        self._history: dict[str, bytes] = {}  # as JSON, which takes a fifth of the memory
        self._closed = False
        self.interrupted = threading.Event()

    # --- for the worker

    def get(self) -> QueueItem | None:
        """Wait for the next prompt and mark it as running. Return None once the queue is closed."""
        with self._not_empty:
            while not self._waiting and not self._closed:
                self._not_empty.wait()
            if self._closed:
                return None
            self._running = heapq.heappop(self._waiting)
            self._journal.add(self._running.prompt_id, "started")
            self.interrupted.clear()
            self._changed()
            return self._running

    def done(self, item: QueueItem, entry: dict[str, Any]) -> None:
        """Move the running prompt to the history. If the history is full, drop the oldest entry."""
        with self._lock:
            self._running = None
            if self._closed:
                return
            self._journal.add(item.prompt_id, _ending(entry))
            if self._keeps():
                finished = {"prompt": item.as_list(), **entry}
                self._history[item.prompt_id] = json.dumps(finished, default=str).encode()
                while self._is_full():
                    del self._history[next(iter(self._history))]
            self._changed()

    def _is_full(self) -> bool:
        size = sum(map(len, self._history.values()))
        return len(self._history) > self._history_size or (
            len(self._history) > _ALWAYS and size > self._history_bytes
        )

    def close(self) -> None:
        """Stop the worker and drop running and waiting prompts."""
        with self._not_empty:
            self._closed = True
            for item in [self._running] if self._running else []:
                self._journal.add(item.prompt_id, "killed")
            self._forget(self._waiting, "killed")
            self._waiting = []
            self.interrupted.set()
            self._not_empty.notify_all()

    # --- for clients

    def put(self, item: QueueItem) -> None:
        with self._not_empty:
            self._journal.add(item.prompt_id, "taken")
            if self._closed:
                self._forget([item], "killed")
                return
            heapq.heappush(self._waiting, item)
            self._changed()
            self._not_empty.notify()

    def remaining(self) -> int:
        """Return the number of waiting and running prompts: `queue_remaining` of the status
        message."""
        with self._lock:
            return len(self._waiting) + (self._running is not None)

    def snapshot(self) -> tuple[list[QueueItem], list[QueueItem]]:
        """Return running and waiting prompts. The waiting ones are in heap order, not sorted, like
        in the real response."""
        with self._lock:
            return ([self._running] if self._running else []), list(self._waiting)

    def clear(self) -> None:
        with self._lock:
            self._forget(self._waiting, "removed")
            self._waiting = []
            self._changed()

    def delete(self, prompt_id: str) -> bool:
        """Remove a waiting prompt. Return False if it isn't waiting."""
        with self._lock:
            kept = [item for item in self._waiting if item.prompt_id != prompt_id]
            if len(kept) == len(self._waiting):
                return False
            self._forget([item for item in self._waiting if item.prompt_id == prompt_id], "removed")
            self._waiting = kept
            heapq.heapify(self._waiting)
            self._changed()
            return True

    def interrupt(self, prompt_id: str | None = None) -> bool:
        """Interrupt the running prompt, or only the one with this id. Return False if that one
        isn't running."""
        with self._lock:
            if prompt_id is not None and (
                self._running is None or self._running.prompt_id != prompt_id
            ):
                return False
            self.interrupted.set()
            return True

    def file_values(self) -> list[str]:
        """Return all texts among the inputs of waiting and running prompts."""
        running, waiting = self.snapshot()
        nodes = (node for item in (*running, *waiting) for node in item.prompt.values())
        values = (value for node in nodes for value in (node.get("inputs") or {}).values())
        return [value for value in values if isinstance(value, str)]

    # --- history

    def history(self, *, max_items: int | None = None, offset: int = -1) -> dict[str, Any]:
        """Return finished prompts, oldest first. With only `max_items`, return the newest."""
        with self._lock:
            keys = list(self._history)
            start = (
                offset
                if offset >= 0
                else max(0, len(keys) - max_items)
                if max_items is not None
                else 0
            )
            stop = start + max_items if max_items is not None else None
            return {key: json.loads(self._history[key]) for key in keys[start:stop]}

    def history_of(self, prompt_id: str) -> dict[str, Any]:
        """Return `{id: entry}`, or `{}` for an unknown id."""
        with self._lock:
            entry = self._history.get(prompt_id)
            return {} if entry is None else {prompt_id: json.loads(entry)}

    def forget(self, prompt_id: str | None = None) -> None:
        """Delete one history entry, or all of them."""
        with self._lock:
            if prompt_id is None:
                self._history.clear()
            else:
                self._history.pop(prompt_id, None)

    def _forget(self, items: list[QueueItem], why: LogEntry) -> None:
        for item in items:
            self._journal.add(item.prompt_id, why)


def _ending(entry: dict[str, Any]) -> LogEntry:
    if entry["status"]["completed"]:
        return "success"
    return (
        "interrupted" if entry["status"]["messages"][-1][0] == "execution_interrupted" else "error"
    )
