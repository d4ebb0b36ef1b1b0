"""Figures for administrators: storage, what expires next, and runs by week and workflow."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.records.store import RunStore
from comfy.records.tables import digest
from ui.accounts.login import DAY
from ui.library import WorkflowLibrary

EXPIRING_DAYS = 7  # days in which results count as expiring
_WEEKS = 8
_NO_HISTORY = message("This app keeps no history.")
_OTHERS = message("Users' own and removed workflows")


@dataclass(frozen=True, slots=True)
class StorageFigures:
    """Storage of all users, in bytes. `keep_days`: the age at which results are deleted.
    `expiring_runs`, `expiring_bytes`: results that are deleted in the next seven days."""

    used_bytes: int
    limit_bytes: int
    disk_free_bytes: int
    disk_total_bytes: int
    keep_days: float
    expiring_runs: int
    expiring_bytes: int


@dataclass(frozen=True, slots=True)
class WorkflowUse:
    """Ended runs of a workflow in a week. `median_seconds`: of successful runs on the server, None
    without any."""

    title: str
    runs: int
    failed: int
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class UsageWeek:
    """Week of use. `start`: its first moment, in seconds since 1970."""

    start: float
    runs: int
    failed: int
    workflows: tuple[WorkflowUse, ...]


@dataclass(frozen=True, slots=True)
class PaidRuns:
    """Paid runs that a person started: in the last 24 hours (`day`) and 30 days (`month`). `name`:
    of the account; "" for all people without one, together."""

    name: str
    day: int
    month: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Reader of these figures. `name_of`: returns the name of an owner's account, "" without one.
    Methods raise ComfyError if the app keeps no history or can't read it."""

    history: RunStore | None
    library: WorkflowLibrary
    name_of: Callable[[str], str]

    def storage(self) -> StorageFigures:
        """Return the storage figures."""
        history = self._opened()
        usage, limits = history.administration.usage, history.limits
        _, expiring = usage.holdings(expires_before(history))
        disk = history.files.disk()
        return StorageFigures(
            int(usage.total_bytes()),
            limits.bytes,
            disk.free,
            disk.total,
            limits.days,
            sum(one.runs for one in expiring.values()),
            int(sum(one.bytes for one in expiring.values())),
        )

    def weeks(self) -> tuple[UsageWeek, ...]:
        """Return the last eight weeks, newest first."""
        history, starts = self._opened(), _week_starts(time.time())
        titles = {digest(one.name): one.title for one in self.library.entries()}
        found: list[dict[str, list[WorkflowUse]]] = [{} for _ in starts]
        for use in history.administration.usage.weeks(starts):
            title = titles.get(use.workflow, _OTHERS)
            row = WorkflowUse(title, use.runs, use.failed, use.median)
            found[use.week].setdefault(title, []).append(row)
        return tuple(
            _week(start, [_together(rows) for rows in by_title.values()])
            for start, by_title in reversed(list(zip(starts, found, strict=True)))
        )

    def paid_runs(self) -> tuple[PaidRuns, ...]:
        """Return the paid runs of each person who started some, most first."""
        people: dict[str, PaidRuns] = {}
        for use in self._opened().state.paid_runs.uses():
            name = self.name_of(use.owner)
            before = people.get(name, PaidRuns(name, 0, 0))
            people[name] = PaidRuns(name, before.day + use.day, before.month + use.month)
        return tuple(sorted(people.values(), key=lambda one: (-one.month, one.name)))

    def _opened(self) -> RunStore:
        if self.history is None:
            raise ComfyError(_NO_HISTORY)
        return self.history


def expires_before(history: RunStore) -> float:
    """Return the time before which runs ended that expire in the next seven days."""
    return time.time() + EXPIRING_DAYS * DAY - history.limits.days * DAY


def _week_starts(now: float) -> list[float]:
    """Return the first moments of the last eight weeks, which start on Monday, oldest first."""
    today = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday())
    return [(monday - timedelta(weeks=back)).timestamp() for back in reversed(range(_WEEKS))]


def _together(rows: list[WorkflowUse]) -> WorkflowUse:
    """Return the sum of workflows with the same title. They have a median only if there is one."""
    medians = [one.median_seconds for one in rows]
    return WorkflowUse(
        rows[0].title,
        sum(one.runs for one in rows),
        sum(one.failed for one in rows),
        medians[0] if len(rows) == 1 else None,
    )


def _week(start: float, rows: list[WorkflowUse]) -> UsageWeek:
    rows.sort(key=lambda one: (-one.runs, one.title))
    return UsageWeek(
        start, sum(one.runs for one in rows), sum(one.failed for one in rows), tuple(rows)
    )
