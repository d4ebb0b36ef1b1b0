"""Stored files that runs, presets and groups use, and the space that people's rows and files take.

Stored files that a process needs but no row refers to yet, on a database that several processes
share.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Self

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    union,
    union_all,
)

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.base.quota import Use, to_remove
from comfy.records.people import FILES, kept_tables
from comfy.records.tables import as_comfy_errors, transaction
from comfy.records.tables import files as _files
from comfy.records.tables import held_files as _held
from comfy.records.tables import runs as _runs

_BATCH = 50
_MILLION = 1_000_000
# Bytes that a row takes in addition to its texts: its keys in indexes, its part of a page.
ROW = 2_000
_KEPT = 24 * 3600.0  # seconds; a killed process leaves rows, and no run takes longer
_KEY = {"key": 0x636F6D667966}  # of our Postgres lock for the use and removal of files
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_STILL = text("SELECT 1")
_SHARE = text("SELECT pg_advisory_xact_lock_shared(:key)")
_REMOVE = delete(_held).where(
    _held.c.digest == bindparam("which"), _held.c.holder == bindparam("whose")
)


def without_use(connection: Connection, digests: Iterable[str]) -> list[str]:
    """Return the files that no row uses and no process holds."""
    candidates = list(digests)
    used: set[str] = set()
    for start in range(0, len(candidates), _BATCH):
        some = candidates[start : start + _BATCH]
        every = (select(one.c.digest).where(one.c.digest.in_(some)) for one in (*FILES, _held))
        having = union(*every)
        used.update(connection.execute(having).scalars())
    return [digest for digest in candidates if digest not in used]


def bytes_in_use(connection: Connection) -> float:
    """Return the bytes of all rows and of their files; files of several rows count once."""
    every = union_all(*(select(one.c.digest, one.c.size) for one in FILES)).subquery()
    once = select(func.max(every.c.size).label("size")).group_by(every.c.digest).subquery()
    rows = (func.sum(table.c.size) for table, _ in kept_tables(with_files=True))
    sums = [select(one) for one in (func.sum(once.c.size), *rows)]
    return sum(float(connection.execute(one).scalar() or 0) for one in sums)


def bytes_of(connection: Connection, files: Select[tuple[str, float]]) -> float:
    """Return the bytes of the files with these digests and sizes, counting equal files once."""
    once = files.distinct().subquery()
    return float(connection.execute(select(func.sum(once.c.size))).scalar() or 0)


def check_bytes(
    connection: Connection, files: Select[tuple[str, float]], most: float, hint: str
) -> None:
    """Raise ComfyError with this hint if `bytes_of` these files is more than `most`."""
    if bytes_of(connection, files) > most:
        size = round(most / _MILLION)
        raise ComfyError(
            message("These files can be at most {size}\xa0MB in total.", size=size), hint
        )


def room_made(
    counts: Iterable[tuple[Iterable[Use], float]], sizes: Iterable[tuple[Iterable[Use], float]]
) -> set[str]:
    """Return the items to remove so that the uses in each list stay within its limit: a number of
    items, or bytes. Raises ComfyError if their removal doesn't free enough bytes."""
    gone: set[str] = set()
    bytes_of_lists = [(list(uses), most) for uses, most in sizes]
    for uses, most in (*counts, *bytes_of_lists):
        gone.update(to_remove((use for use in uses if use.item not in gone), most))
    for uses, most in bytes_of_lists:
        left = {use.digest: use.size for use in uses if use.item not in gone}
        if sum(left.values()) > most:
            raise ComfyError(
                message("The server has no room for more."),
                message("Ask the administrator."),
            )
    return gone


def uses_of_runs(connection: Connection) -> list[Use]:
    """Return the rows and files of all runs, favorites last, otherwise oldest first. Finished runs
    can be removed."""
    runs = select(_runs.c.id, _runs.c.owner, _runs.c.ended_at, _runs.c.size, _runs.c.share)
    order = (_runs.c.favourite, _runs.c.ended_at, _runs.c.submitted_at, _runs.c.id)
    uses = [
        Use(run, owner, ended_at is not None, run, size, share)
        for run, owner, ended_at, size, share in connection.execute(runs.order_by(*order))
    ]
    known = {use.item: use for use in uses}
    files = connection.execute(select(_files.c.run, _files.c.digest, _files.c.size))
    return uses + [
        known[run]._replace(digest=digest, size=size) for run, digest, size in files if run in known
    ]


class RemovalLock:
    """Reentrant lock held from the check that files are unused to their removal. No row may start
    to use a file meanwhile.

    `local`: the lock of this process, enough for other writes. On Postgres (`is_shared`), `with`
    also waits for the other processes. A transaction holds that lock, so that the database takes it
    from a frozen process.
    """

    def __init__(self, engine: Engine) -> None:
        self.local = threading.RLock()
        self._engine = engine
        self.is_shared = engine.dialect.name == "postgresql"
        self._depth = 0
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        self.local.acquire()
        try:
            if self.is_shared and self._depth == 0:
                with as_comfy_errors():
                    self._connection = _locked(self._engine)
            self._depth += 1
        except BaseException:
            self.local.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        try:
            if self._depth == 0 and self._connection is not None:
                connection, self._connection = self._connection, None
                _close(connection)
        finally:
            self.local.release()

    def guarded(self, digests: Iterable[str]) -> Iterator[str]:
        """Yield files to remove as long as the lock is held. Raises ComfyError once the database
        has taken it from this process."""
        for digest in digests:
            if self._connection is not None:
                with as_comfy_errors():
                    self._connection.execute(_STILL)
            yield digest

    def share(self, connection: Connection) -> None:
        """Let the transaction of this connection start to use files: wait until no other process
        removes any, and let none begin before its end."""
        if self.is_shared and self._depth == 0:
            connection.execute(_SHARE, _KEY)


def _locked(engine: Engine) -> Connection:
    connection = engine.connect()
    try:
        connection.execute(_LOCK, _KEY)
    except BaseException:
        connection.invalidate()
        connection.close()
        raise
    return connection


def _close(connection: Connection) -> None:
    """End the transaction, and so the lock."""
    try:
        with as_comfy_errors():
            connection.rollback()
    except ComfyError:
        connection.invalidate()
    finally:
        connection.close()


class HeldFiles:
    """Files by holder, in the history's database. Thread-safe. All methods raise ComfyError if the
    database can't be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def hold(self, digest: str, holder: str) -> None:
        """Protect a file from removal by other processes until the holder is released. A removal
        that has begun ends first, so the caller then checks that the file still exists."""
        row = {"digest": digest, "holder": holder, "at": time.time()}
        with transaction(self._engine) as connection:
            connection.execute(_SHARE, _KEY)
            connection.execute(_REMOVE, {"which": digest, "whose": holder})
            connection.execute(insert(_held), row)

    def release(self, holder: str) -> None:
        """Stop protecting files for this holder."""
        with transaction(self._engine) as connection:
            connection.execute(delete(_held).where(_held.c.holder == holder))

    def sweep(self) -> None:
        """Delete the rows that killed processes left."""
        with transaction(self._engine) as connection:
            connection.execute(delete(_held).where(_held.c.at < time.time() - _KEPT))
