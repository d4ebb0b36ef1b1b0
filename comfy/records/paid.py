"""Confirmations of paid workflows, and starts of paid runs, for the daily limits."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, case, delete, func, insert, select, text

from comfy.records.people import forget_beyond
from comfy.records.record import Record
from comfy.records.tables import (
    digest,
    paid_consents,
    paid_runs,
    reading,
    replace_row,
    share_of,
    transaction,
)

_MOST = 10_000  # in total, because a visitor can appear as many owners
_DAY = 24 * 3600.0  # seconds
_KEPT = 400 * _DAY
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_LOCK_KEY = 7_305_160_112_734  # any number that no other lock has


class PaidConsents:
    """Confirmations of owners that runs of a workflow may cost credits. Thread-safe. All methods
    raise ComfyError if the database can't be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def has(self, owner: str, workflow: str) -> bool:
        known = select(paid_consents.c.at).where(_of(owner, workflow))
        with reading(self._engine) as connection:
            return connection.scalar(known) is not None

    def add(self, owner: str, workflow: str) -> None:
        """Note a confirmation. Beyond 10,000, the owner with the most is asked again."""
        row = {"owner": digest(owner), "workflow": digest(workflow), "at": time.time()}
        with transaction(self._engine) as connection:
            replace_row(connection, paid_consents, row)
            forget_beyond(connection, paid_consents, _MOST, counts=True)


def _of(owner: str, workflow: str) -> ColumnElement[bool]:
    return (paid_consents.c.owner == digest(owner)) & (paid_consents.c.workflow == digest(workflow))


@dataclass(frozen=True, slots=True)
class PaidCount:
    """Paid runs of the last 24 hours. `person`, `all`: of this person, and of all. `person_wait`,
    `all_wait`: seconds until the oldest of them no longer counts."""

    person: int = 0
    all: int = 0
    person_wait: float = 0.0
    all_wait: float = 0.0


@dataclass(frozen=True, slots=True)
class PaidUse:
    """Paid runs of an owner: in the last 24 hours, and in the last 30 days."""

    owner: str
    day: int
    month: int


PaidCheck = Callable[[PaidCount], None]  # raises an error to refuse the start


class PaidRunStore:
    """Starts of paid runs of all owners. Thread-safe. All methods raise ComfyError if the database
    can't be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def recent(self, person: str) -> PaidCount:
        """Return the paid runs of the last 24 hours, of all and of this `payer`."""
        with reading(self._engine) as connection:
            return _recent(connection, person)

    def count_in(self, connection: Connection, record: Record, check: PaidCheck) -> None:
        """Count a run, if it is paid, in the transaction of this connection, unless `check`
        refuses it because of the earlier ones. A run that starts again after a crash counts once.

        After an error of `check`, the caller rolls back. Concurrent starts wait for each other.
        """
        if not record.job.paid:
            return
        if connection.dialect.name == "postgresql":
            connection.execute(_LOCK, {"key": _LOCK_KEY})
        # Write first, to take SQLite's write lock before reading.
        connection.execute(delete(paid_runs).where(paid_runs.c.at < time.time() - _KEPT))
        if connection.scalar(select(paid_runs.c.run).where(paid_runs.c.run == record.id)):
            return
        person = payer(record.owner, record.address)
        check(_recent(connection, person))
        row = {"run": record.id, "person": person, "at": time.time()}
        connection.execute(insert(paid_runs).values(**row, owner=json.dumps(record.owner)))

    def counting(
        self, record: Record, check: PaidCheck, within: Callable[[Connection], object]
    ) -> Callable[[Connection], None]:
        """Return a function that calls `count_in`, then `within`."""

        def count(connection: Connection) -> None:
            self.count_in(connection, record, check)
            within(connection)

        return count

    @staticmethod
    def ending(
        record: Record, within: Callable[[Connection], object]
    ) -> Callable[[Connection], None]:
        """Return a function that calls `within`, then forgets an ended paid run that wasn't sent to
        a server."""

        def end(connection: Connection) -> None:
            within(connection)
            if record.job.paid and not record.sent:
                connection.execute(delete(paid_runs).where(paid_runs.c.run == record.id))

        return end

    def uses(self) -> list[PaidUse]:
        """Return the paid runs of the last 30 days by owner, most first."""
        now = time.time()
        day = func.sum(case((paid_runs.c.at > now - _DAY, 1), else_=0))
        statement = (
            select(paid_runs.c.owner, day, func.count())
            .where(paid_runs.c.at > now - 30 * _DAY)
            .group_by(paid_runs.c.owner)
            .order_by(func.count().desc(), paid_runs.c.owner)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(statement).all()
        return [PaidUse(json.loads(owner), int(today), month) for owner, today, month in rows]


def payer(owner: str, address: str) -> str:
    """Return the digest of the person who pays. An owner without an account counts by `address`,
    because a browser that deletes its cookie is another owner."""
    return share_of(address) or digest(owner)


def _recent(connection: Connection, person: str) -> PaidCount:
    now = time.time()
    own = paid_runs.c.person == person
    since = paid_runs.c.at > now - _DAY
    columns = (func.count(), func.min(paid_runs.c.at))
    mine, oldest = connection.execute(select(*columns).where(own, since)).one()
    everyone, first = connection.execute(select(*columns).where(since)).one()
    return PaidCount(mine, everyone, _wait(oldest, now), _wait(first, now))


def _wait(oldest: float | None, now: float) -> float:
    return 0.0 if oldest is None else max(0.0, oldest + _DAY - now)
