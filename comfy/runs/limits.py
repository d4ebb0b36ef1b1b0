"""Limits of runs, batches and chains."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from comfy.base.errors import TooManyRuns
from comfy.base.messages import message

_HOUR = 3600.0  # seconds

Person = tuple[str, str]  # owner and address


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Maximum unfinished runs per user, per address and in total, and a user's new runs per hour.

    A batch or chain counts as one run per hour, because it has its own limits. An address gets half
    of the total: twenty users of an office have seven runs each, and others still have room.
    Without sign-in, a user counts separately at each address, because callers without a cookie
    share one name.
    """

    person: int = 30
    address: int = 150
    all: int = 300
    hourly: int = 1000


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
        """See `BatchLimits.check`."""
        _check(self, (owner, address), unfinished)


def _check(limits: BatchLimits | ChainLimits, person: Person, unfinished: Sequence[Person]) -> None:
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


def _is_full(limits: BatchLimits | ChainLimits, address: str, unfinished: Sequence[Person]) -> bool:
    beside = sum(one == address for _, one in unfinished) if address else 0
    return beside >= limits.address or len(unfinished) >= limits.all


class RunLimiter:
    """Enforcement of `RunLimits`. Not thread-safe: an accepted run counts for the next one."""

    def __init__(self, limits: RunLimits) -> None:
        self._limits = limits
        self._recent: deque[tuple[float, Person, str]] = deque()  # time, user, and batch or chain
        self._counts: Counter[Person] = Counter()  # recent runs per user
        self._groups: set[str] = set()  # batches and chains of the recent runs

    def check(
        self, owner: str, address: str, unfinished: Sequence[Person], group: str = ""
    ) -> None:
        """Raise TooManyRuns, with a hint, if one more run exceeds a limit. `unfinished`: the owners
        of all unfinished runs; `group`: the id of the run's batch or chain."""
        limits, person = self._limits, (owner, address)
        if unfinished.count(person) >= limits.person:
            raise _too_many(limits.person)
        of_address = sum(one == address for _, one in unfinished)
        if (address and of_address >= limits.address) or len(unfinished) >= limits.all:
            raise TooManyRuns(message("The queue is full."), message("Try again later."))
        self._forget_old()
        if self._counts[person] >= limits.hourly and group not in self._groups:
            raise TooManyRuns(
                message("You can start at most {count} runs per hour.", count=limits.hourly),
                message("Try again later."),
                next(at for at, one, _ in self._recent if one == person) + _HOUR - time.monotonic(),
            )

    def count(self, owner: str, address: str, group: str = "") -> None:
        """Count a new run of this user. Of a batch or chain, only the first run in an hour
        counts."""
        if group in self._groups:
            return
        self._recent.append((time.monotonic(), (owner, address), group))
        self._counts[owner, address] += 1
        if group:
            self._groups.add(group)

    def _forget_old(self) -> None:
        while self._recent and self._recent[0][0] < time.monotonic() - _HOUR:
            _, person, group = self._recent.popleft()
            self._groups.discard(group)
            self._counts[person] -= 1
            if not self._counts[person]:
                del self._counts[person]
