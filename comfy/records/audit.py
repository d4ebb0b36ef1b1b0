"""Events of the audit log: which user ran, published, shared, deleted or downloaded what."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

from sqlalchemy import (
    Column,
    Connection,
    Double,
    Engine,
    Index,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    tuple_,
)

from comfy.records.record import Record
from comfy.records.tables import digest, reading, tables, transaction

AuditAction = Literal["run", "publish", "share", "delete", "download", "administer"]

# `person`: the owner of runs as a JSON text, and `owner` its digest. `what`: a title, a path or a
# sentence; `target`: a run's id, or "".
audit_events = Table(
    "audit_events",
    tables,
    Column("id", Integer, primary_key=True),
    Column("at", Double, nullable=False),  # seconds since 1970
    Column("owner", String(64), nullable=False),
    Column("person", Text, nullable=False),
    Column("action", String(16), nullable=False),
    Column("what", Text, nullable=False),
    Column("target", Text, nullable=False),
    Index("audit_events_of_owner", "owner", "action", "at"),
    Index("audit_events_by_age", "at"),
)
_DAY = 24 * 3600.0
_KEPT = 400 * _DAY
_MOST = 1_000_000  # events
_LONGEST = 500  # characters of `what`
_PAGE = 1000  # rows per query


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Action of a user. `at`: seconds since 1970. `account`: the owner as in `Record`, and `person`
    the account's name, which isn't stored; both "" for a guest in a list. `what`: a title, a
    request or a sentence. `run`: its id, or ""."""

    at: float
    person: str
    account: str
    action: AuditAction
    what: str
    run: str


class AuditEvents:
    """Events in the history's database. All methods raise ComfyError if it can't be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, owner: str, action: AuditAction, what: str, run: str = "") -> None:
        with transaction(self._engine) as connection:
            _insert(connection, AuditEvent(time.time(), "", owner, action, what, run))

    @staticmethod
    def add_run(connection: Connection, record: Record) -> None:
        """Note a finished run that was sent to a server, in the transaction that stores its end."""
        if record.sent:
            job = record.job
            what = f"{job.title} ({job.workflow})" if job.title != job.workflow else job.title
            at, owner = record.submitted_at, record.owner
            _insert(connection, AuditEvent(at, "", owner, "run", what, record.id))

    def runs_today(self, owner: str) -> int:
        """Return the finished runs that an owner started in the last 24 hours, also deleted
        ones."""
        events = audit_events.c
        own = (events.owner == digest(owner)) & (events.action == "run")
        count = select(func.count()).where(own, events.at > time.time() - _DAY)
        with reading(self._engine) as connection:
            return int(connection.scalar(count) or 0)

    def between(self, start: float, end: float) -> Iterator[AuditEvent]:
        """Yield the events between two times, in seconds since 1970, newest first, page by page."""
        events, last = audit_events.c, None
        query = select(audit_events).where(events.at >= start, events.at < end)
        order = tuple_(events.at, events.id)
        query = query.order_by(events.at.desc(), events.id.desc()).limit(_PAGE)
        while True:
            with reading(self._engine) as connection:
                page = query if last is None else query.where(order < last)
                rows = connection.execute(page).all()
            for row in rows:
                action = cast("AuditAction", row.action)
                yield AuditEvent(row.at, "", json.loads(row.person), action, row.what, row.target)
            if len(rows) < _PAGE:
                return
            last = tuple_(rows[-1].at, rows[-1].id)

    def sweep(self) -> None:
        """Delete events that are too old or too many."""
        events = audit_events.c
        with transaction(self._engine) as connection:
            last = connection.scalar(select(func.max(events.id))) or 0
            old = (events.at < time.time() - _KEPT) | (events.id <= last - _MOST)
            connection.execute(delete(audit_events).where(old))


def _insert(connection: Connection, event: AuditEvent) -> None:
    row = {
        "at": event.at,
        "owner": digest(event.account),
        "person": json.dumps(event.account),
        "action": event.action,
        "what": "".join(c if c.isprintable() else " " for c in event.what[:_LONGEST]),
        "target": event.run,
    }
    connection.execute(insert(audit_events).values(row))
