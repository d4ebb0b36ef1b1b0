"""Limits of runs, batches and chains."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from comfy.base.errors import (
    ComfyError,
    LimitReached,
    TooManyPaidRuns,
    TooManyRuns,
)
from comfy.base.messages import message, plural, sentences
from comfy.base.user_groups import GroupOf, no_groups
from comfy.comfyui.protocol.run_state import stopped
from comfy.records.audit import DAY, DayRuns
from comfy.records.database import AtStart, both
from comfy.records.paid import PaidCount
from comfy.records.starts import HOUR, RecentStarts, Start, StartCheck

if TYPE_CHECKING:
    from comfy.records.record import Record
    from comfy.records.store import RunStore

Person = tuple[str, str]  # owner and address


def _none_today(_owner: str) -> DayRuns:
    return DayRuns(0, 0.0)


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Maximum unfinished runs per user, per address and in total, and a user's new runs per hour.

    A batch or chain counts as one run per hour, because it has its own limits. An address gets half
    of the total: twenty users of an office have seven runs each, and others still have room.
    Without sign-in, a user counts separately at each address, because callers without a cookie
    share one name. `paid`: paid runs per person within 24 hours, `paid_all`: of all together; None
    for no limit. `daily`: runs per person within 24 hours, which `started_today` counts.

    `groups`: the groups of an owner, whose own limits take the place of these; see `of`.
    """

    person: int = 30
    address: int = 150
    all: int = 300
    hourly: int = 1000
    paid: int | None = None
    paid_all: int | None = None
    daily: int | None = None
    groups: GroupOf = no_groups
    started_today: Callable[[str], DayRuns] = _none_today

    def of(self, owner: str) -> RunLimits:
        """Return the limits of an owner, with the limits of the owner's groups."""
        group = self.groups(owner)
        if group is None:
            return self
        return replace(
            self,
            person=group.waiting or self.person,
            paid=self.paid if group.paid_runs is None else group.paid_runs,
            daily=group.runs,
        )

    def servers_of(self, owner: str) -> Collection[str] | None:
        """Return the names of the servers that an owner's runs may use; None for all."""
        group = self.groups(owner)
        return None if group is None else group.servers

    def check_unfinished(self, owner: str, address: str, unfinished: Sequence[Person]) -> None:
        """Raise TooManyRuns, with a hint, if one more run exceeds a limit. `unfinished`: the owners
        of all unfinished runs."""
        own = self.of(owner)
        _check(own, (owner, address), unfinished)
        if self.left_today(owner, sum(one == owner for one, _ in unfinished)) == 0:
            now = time.time()
            oldest = self.started_today(owner).oldest or now
            seconds = max(1.0, oldest + DAY - now)
            raise LimitReached(
                message("You can start at most {count} runs in 24 hours.", count=own.daily),
                _next_words(seconds),
                seconds,
            )

    def left_today(self, owner: str, active: int) -> int | None:
        """Return how many more runs an owner may start in 24 hours, None without a limit. `active`:
        the owner's unfinished runs."""
        daily = self.of(owner).daily
        if daily is None:
            return None
        return max(0, daily - active - self.started_today(owner).number)

    def check_hourly(self, recent: RecentStarts) -> None:
        """Raise LimitReached, with a hint, if another start exceeds the limit."""
        if recent.number >= self.hourly and not recent.has_group:
            raise LimitReached(
                message("You can start at most {count} runs per hour.", count=self.hourly),
                message("Try again later."),
                HOUR - recent.age,
            )

    def check_paid(self, recent: PaidCount, more: int = 1) -> None:
        """Raise TooManyPaidRuns, with a hint and the seconds to wait, if this many more paid runs
        exceed a limit."""
        if self.paid is not None and recent.person + more > self.paid:
            left = max(0, self.paid - recent.person)
            raise _too_many_paid(
                message("You can start at most {count} paid runs per day.", count=self.paid),
                left,
                recent.person_wait,
            )
        if self.paid_all is not None and recent.all + more > self.paid_all:
            left = max(0, self.paid_all - recent.all)
            raise _too_many_paid(
                message(
                    "All users together can start {count} paid runs per day.", count=self.paid_all
                ),
                left,
                recent.all_wait,
            )


def _next_words(seconds: float) -> str:
    hours, minutes = round(seconds / 3600), ceil(seconds / 60)
    if hours < 2:
        return plural(
            "The next run can start in {count} minute.",
            "The next run can start in {count} minutes.",
            count=minutes,
        )
    return plural(
        "The next run can start in about {count} hour.",
        "The next run can start in about {count} hours.",
        count=hours,
    )


def _too_many_paid(problem: str, left: int, seconds: float) -> TooManyPaidRuns:
    hint = plural("{count} run is left now.", "{count} runs are left now.", count=left)
    wait = message("Try again later, or ask the administrator.")
    return TooManyPaidRuns(problem, sentences(hint, wait), max(1.0, seconds))


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Maximum unfinished batches per user, per address and in total; users count as for runs.
    `paused`: seconds after which a paused batch makes room for others."""

    person: int = 10
    address: int = 40
    all: int = 100
    paused: float = 86_400.0

    def check(self, owner: str, address: str, unfinished: Sequence[Person]) -> None:
        """Raise TooManyRuns, with a hint, if one more batch exceeds a limit. `unfinished`: the
        owners of all unfinished batches."""
        _check(self, (owner, address), unfinished)

    def is_full(self, address: str, unfinished: Sequence[Person]) -> bool:
        """Return whether this address has no room left."""
        return _is_full(self, address, unfinished)


@dataclass(frozen=True, slots=True)
class ChainLimits:
    """Maximum active chains per user, per address and in total; users count as for runs."""

    person: int = 5
    address: int = 40
    all: int = 100

    def check(self, owner: str, address: str, unfinished: Sequence[Person]) -> None:
        _check(self, (owner, address), unfinished)


def _check(
    limits: RunLimits | BatchLimits | ChainLimits, person: Person, unfinished: Sequence[Person]
) -> None:
    if unfinished.count(person) >= limits.person:
        raise _too_many(limits.person)
    if _is_full(limits, person[1], unfinished):
        raise TooManyRuns(message("The queue is full."), message("Try again later."))


def _too_many(most: int) -> TooManyRuns:
    """Return the error for a user at the limit of unfinished runs, batches or chains."""
    return TooManyRuns(
        message("Your limit is {count} at a time.", count=most),
        message("Wait for one to finish, or stop one."),
    )


def _is_full(
    limits: RunLimits | BatchLimits | ChainLimits, address: str, unfinished: Sequence[Person]
) -> bool:
    beside = sum(one == address for _, one in unfinished) if address else 0
    return beside >= limits.address or len(unfinished) >= limits.all


class RunStarts:
    """Starts in the history's database, which survive a restart and which all processes count."""

    def __init__(self, history: RunStore, limits: RunLimits) -> None:
        self._history = history
        self._starts = history.state.starts
        self._paid_runs, self._limits = history.state.paid_runs, limits

    def recent(self, start: Start) -> RecentStarts:
        return self._starts.recent(start)

    @contextmanager
    def counting(
        self, start: Start, check: StartCheck, record: Record | None, at_start: AtStart
    ) -> Iterator[None]:
        """Count a start, if `check` accepts the earlier ones, and store its record, None for a run
        that isn't recorded yet, in one transaction. If the block raises ComfyError, both are taken
        back. A paid run, which always has a record, also counts for the limits of paid runs.
        `at_start`: see `Origin`."""
        counted: list[int | None] = []
        if record is None:
            counted.append(self._starts.count(start, check))
        else:
            check_paid = self._limits.of(record.owner).check_paid
            self._history.begin(
                record,
                both(
                    lambda connection: counted.append(
                        self._starts.count_in(connection, start, check)
                    ),
                    self._paid_runs.counting(record, check_paid, partial(at_start, record.id)),
                ),
            )
        try:
            yield
        except ComfyError:
            if record is not None:  # a run that its owner stopped before it began is deleted
                self._history.end(replace(record, state=stopped(record.state)))
            for this in counted:
                if this is not None:
                    self._starts.remove(start, this)
            raise


def _person(start: Start) -> Person:
    return start.owner, start.address
