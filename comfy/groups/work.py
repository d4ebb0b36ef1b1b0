"""Execution of all groups in this process: see `comfy.runs.interface.GroupWork`."""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext

from comfy.records.groups import Group, GroupKind
from comfy.runs.interface import GroupCheck, RunRegistry, WorkingQueue
from comfy.runs.limits import Person


class LocalGroupWork:
    """Groups of one kind, all in this process."""

    hands_over = False

    def __init__(self, runs: RunRegistry, kind: GroupKind) -> None:
        self._runs, self._kind = runs, kind
        self._lock = threading.Lock()
        self._people: dict[str, Person] = {}

    def join(self, queue: WorkingQueue) -> Collection[Group]:
        """See `GroupWork.join`."""
        history = self._runs.history
        return () if history is None else history.groups.unfinished(self._kind)

    def check(self, person: Person, check: GroupCheck, but: str = "") -> None:
        """See `GroupWork.check`."""
        with self._lock:
            self._check_locked(person, check, but)

    def claim(self, group_id: str, person: Person, check: GroupCheck | None) -> None:
        """See `GroupWork.claim`."""
        with self._lock:
            if check is not None:
                self._check_locked(person, check, group_id)
            self._people[group_id] = person

    def release(self, group_id: str) -> None:
        """See `GroupWork.release`."""
        with self._lock:
            self._people.pop(group_id, None)

    def is_here(self, group_id: str) -> bool:
        """See `GroupWork.is_here`."""
        return True

    def changing(self, group_id: str, person: Person) -> AbstractContextManager[bool]:
        """See `GroupWork.changing`."""
        return nullcontext(enter_result=False)

    def _check_locked(self, person: Person, check: GroupCheck, but: str) -> None:
        check(*person, [one for group_id, one in self._people.items() if group_id != but])
