"""Links to shared results. A visitor with the link sees the file until its owner stops sharing or
deletes it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from comfy.base.errors import RunNotFound
from comfy.records.database import erase_deleted
from comfy.records.record import Record
from comfy.records.rows import COLUMNS, escaped, record_of, unescaped
from comfy.records.tables import as_comfy_errors, digest
from comfy.records.tables import runs as _runs
from comfy.records.tables import shared_results as _shared
from comfy.records.used_files import ROW

_TOKEN = 24  # bytes
_LONGEST = 10_000  # characters of a prompt


@dataclass(frozen=True, slots=True)
class SharedResult:
    """Link to a result. `place`: index of the file among the run's files; `prompt`: the text to
    show next to it, "" for none."""

    token: str
    run: str
    place: int
    prompt: str = ""


class SharedResults:
    """Links of all owners, in the history's database. Thread-safe.

    All methods raise ComfyError if the database can't be used.
    """

    def __init__(self, engine: Engine, grew: Callable[[float], None]) -> None:
        """`grew`: see `comfy.records.room.Room`."""
        self._engine = engine
        self._grew = grew

    def share(self, owner: str, run: str, place: int, prompt: str = "") -> SharedResult:
        """Return the link to a file of this owner's finished run, creating it if needed. From now
        on, the link shows this prompt, or the beginning of a long one, and counts toward the run's
        bytes. Raises RunNotFound if the run doesn't exist."""
        prompt = prompt[:_LONGEST]
        key, text = escaped(run), escaped(prompt)
        row = {"run": key, "place": place, "prompt": text}
        which = (_shared.c.run == key) & (_shared.c.place == place)
        with as_comfy_errors(), self._engine.begin() as connection:
            # Write first, to take SQLite's write lock before reading.
            _count(connection, key, which, -1)
            known = connection.execute(update(_shared).where(which, _own(owner)).values(row))
            if not known.rowcount:
                query = select(_runs.c.id).where(_of(owner, run), _is_listed())
                if connection.execute(query).first() is None:
                    raise RunNotFound
                try:
                    with connection.begin_nested():
                        token = secrets.token_urlsafe(_TOKEN)
                        connection.execute(insert(_shared).values(row | {"token": token}))
                except IntegrityError:  # another tab created it at the same time
                    connection.execute(update(_shared).where(which).values(row))
            token = connection.execute(select(_shared.c.token).where(which)).scalar_one()
            _count(connection, key, which, 1)
        self._grew(len(text))
        return SharedResult(token, run, place, prompt)

    def of(self, owner: str, run: str, place: int) -> SharedResult | None:
        """Return the link to a file of this owner's run; None if it isn't shared."""
        which = (_shared.c.run == escaped(run)) & (_shared.c.place == place) & _own(owner)
        with as_comfy_errors(), self._engine.connect() as connection:
            row = connection.execute(select(_shared).where(which)).first()
        if row is None:
            return None
        return SharedResult(row.token, run, place, unescaped(row.prompt))

    def stop(self, owner: str, run: str, place: int) -> bool:
        """Remove a link; return False if it doesn't exist."""
        which = (_shared.c.run == escaped(run)) & (_shared.c.place == place) & _own(owner)
        with as_comfy_errors(), self._engine.begin() as connection:
            _count(connection, escaped(run), which, -1)
            count = connection.execute(delete(_shared).where(which)).rowcount
        if count:
            erase_deleted(self._engine)
        return bool(count)

    def find(self, token: str) -> tuple[SharedResult, Record] | None:
        """Return a link's target and its run; None if the link is unknown or removed, or its result
        is deleted or being deleted."""
        columns = (_shared.c.token, _shared.c.place, _shared.c.prompt, *COLUMNS)
        which = (_shared.c.token == escaped(token)) & _is_listed()
        with as_comfy_errors(), self._engine.connect() as connection:
            row = connection.execute(
                select(*columns).join_from(_shared, _runs).where(which)
            ).first()
        if row is None:
            return None
        try:
            record = record_of(row)
        except (ValueError, TypeError, AttributeError):  # don't show an unreadable run
            return None
        if row.place >= len(record.state.files):
            return None
        return SharedResult(token, record.id, row.place, unescaped(row.prompt)), record


def _count(
    connection: Connection, run: str, which: ColumnElement[bool], times: Literal[1, -1]
) -> None:
    """Add the bytes of a link to its run's bytes, or subtract them."""
    taken = select(func.sum(ROW + func.length(_shared.c.prompt))).where(which).scalar_subquery()
    size = _runs.c.size + times * func.coalesce(taken, 0)
    connection.execute(update(_runs).where(_runs.c.id == run).values(size=size))


def _of(owner: str, run: str) -> ColumnElement[bool]:
    return (_runs.c.id == escaped(run)) & (_runs.c.owner == digest(owner))


def _is_listed() -> ColumnElement[bool]:
    return _runs.c.ended_at.is_not(None) & _runs.c.deleted_at.is_(None)


def _own(owner: str) -> ColumnElement[bool]:
    """Return the condition for links to runs of this owner."""
    return _shared.c.run.in_(select(_runs.c.id).where(_runs.c.owner == digest(owner)))
