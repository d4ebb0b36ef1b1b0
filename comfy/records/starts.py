"""Starts within the last hour, for the hourly limit. All processes on one database share them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, case, delete, func, insert, select

from comfy.records.tables import digest, lock_rows, reading, share_of, transaction
from comfy.records.tables import starts as _starts

HOUR = 3600.0  # seconds
_GROUPS = 1000  # known groups in memory; an unknown one costs a query
_INSERT = insert(_starts)
_REMOVE = delete(_starts).where(_starts.c.id == bindparam("this"))
# A user's starts since `since` without the row `this`, and whether the group `among` is one.
_RECENT = select(
    func.count().label("number"),
    func.min(_starts.c.at).label("oldest"),
    func.max(case((_starts.c.group == bindparam("among"), _starts.c.at))).label("grouped"),
).where(
    _starts.c.owner == bindparam("whose"),
    _starts.c.address == bindparam("where"),
    _starts.c.at > bindparam("since"),
    _starts.c.id != bindparam("this"),
)


@dataclass(frozen=True, slots=True)
class Start:
    """New run of a user. `group`: the id of the batch or chain whose runs count together, "" for a
    single run. `address`: the client address of an owner without an account."""

    owner: str
    address: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class RecentStarts:
    """A user's counted starts within the last hour. `age`: seconds since the oldest. `has_group`:
    the new run's batch or chain is among them, so the run isn't counted."""

    number: int = 0
    age: float = 0.0
    has_group: bool = False


StartCheck = Callable[[RecentStarts], None]  # raises an error to refuse the start


class StartStore:
    """Starts of all owners, in the history's database. Owners, addresses and groups are digests.
    Thread-safe.

    All methods raise ComfyError if the database can't be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Times of groups' stored starts, so that a row of a batch needs no query.
        self._groups: dict[str, float] = {}

    def recent(self, start: Start) -> RecentStarts:
        """Return the starts of the last hour that count for this one."""
        if self._knows(start.group):
            return RecentStarts(has_group=True)
        with reading(self._engine) as connection:
            return self._recent(connection, start, _row(start, time.time()))

    def count(self, start: Start, check: StartCheck) -> int | None:
        """Count a start in its own transaction; see `count_in`."""
        if self._knows(start.group):
            check(RecentStarts(has_group=True))
            return None
        with transaction(self._engine) as connection:
            return self.count_in(connection, start, check)

    def count_in(self, connection: Connection, start: Start, check: StartCheck) -> int | None:
        """Count a start in the transaction of this connection, if `check` accepts the earlier ones.

        Return the row's id for `remove`; None if the start's group was counted within the hour.
        After an error of `check`, the caller rolls back. Concurrent starts of one owner wait for
        each other.
        """
        if self._knows(start.group):
            check(RecentStarts(has_group=True))
            return None
        row = _row(start, time.time())
        lock_rows(connection, _starts, row["owner"])
        # Write first, to take SQLite's write lock before reading.
        key = connection.execute(_INSERT, row).inserted_primary_key
        this = int(key[0]) if key else 0
        recent = self._recent(connection, start, row, this)
        check(recent)
        if recent.has_group:
            connection.execute(_REMOVE, {"this": this})
            return None
        return this

    def remove(self, start: Start, this: int) -> None:
        """Forget a counted start, because its run didn't start."""
        self._groups.pop(start.group, None)
        with transaction(self._engine) as connection:
            connection.execute(_REMOVE, {"this": this})

    def sweep(self) -> None:
        """Delete starts that no longer count, and future ones, written by a wrong clock."""
        now = time.time()
        old = (_starts.c.at < now - HOUR) | (_starts.c.at > now + HOUR)
        with transaction(self._engine) as connection:
            connection.execute(delete(_starts).where(old))

    def _recent(
        self, connection: Connection, start: Start, row: dict[str, Any], this: int = 0
    ) -> RecentStarts:
        """Return the starts before `row`, which has the id `this` if it is already stored."""
        values = {"whose": row["owner"], "where": row["address"], "among": row["group"]}
        found = connection.execute(
            _RECENT, values | {"since": row["at"] - HOUR, "this": this}
        ).one()
        has_group = bool(start.group) and found.grouped is not None
        if has_group:
            if len(self._groups) >= _GROUPS:
                self._groups.clear()
            self._groups[start.group] = found.grouped
        age = 0.0 if found.oldest is None else max(0.0, row["at"] - found.oldest)
        return RecentStarts(found.number, age, has_group)

    def _knows(self, group: str) -> bool:
        return time.time() - self._groups.get(group, float("-inf")) < HOUR


def _row(start: Start, now: float) -> dict[str, Any]:
    group = digest(start.group) if start.group else ""
    return {
        "owner": digest(start.owner),
        "address": share_of(start.address),
        "group": group,
        "at": now,
    }
