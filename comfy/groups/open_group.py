"""A batch or chain in memory, for the thread that runs it and for readers."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Protocol

from comfy.base.errors import ComfyError
from comfy.records.groups import Group
from comfy.runs.interface import Origin
from comfy.runs.limits import Person


class OpenGroup(ABC):
    """A batch or chain. Thread-safe. Only the queue sets `thread`; a thread holds `saving` while it
    writes the group. `address` and `text_sources` are as in `Origin`. `moved`: another process may
    have started runs of it. `disowned`: another process executes it now."""

    def __init__(self, group: Group) -> None:
        self.id, self.owner = group.id, group.owner
        self.address = str(group.about.get("address", ""))
        self.text_sources = tuple(map(str, group.about.get("text_sources", ())))
        self.thread: threading.Thread | None = None
        self.deleted = self.moved = self.disowned = False
        self.stored: Group | None = None  # the state that `GroupQueue.save_changed` has seen
        self.lock, self.saving = threading.RLock(), threading.Lock()

    @property
    def person(self) -> Person:
        """Return the owner and address, for limits."""
        return self.owner, self.address

    @property
    def origin(self) -> Origin:
        """Return the origin for the group's runs."""
        return Origin(self.owner, self.address, text_sources=self.text_sources)

    @property
    @abstractmethod
    def group(self) -> Group:
        """Return the group's current state for the database."""

    @property
    @abstractmethod
    def is_at_work(self) -> bool:
        """Return whether some of its runs haven't finished."""

    def delete(self) -> None:
        """Stop the group and hide it."""
        with self.lock:
            self.deleted = True
        self.stop()

    @abstractmethod
    def stop(self) -> None:
        """Start no more runs and cancel the live ones."""

    @abstractmethod
    def fail(self, problem: ComfyError) -> None:
        """Note that the group failed for a reason outside its runs."""

    @abstractmethod
    def end_or_go_on(self) -> bool:
        """Note that no runs are left, and return whether the group was resumed in the meantime.
        Only the group's thread calls this."""


class Standing(Protocol):
    """Progress of a group."""

    @property
    def finished(self) -> bool:
        """Return whether the group has finished."""
