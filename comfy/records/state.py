"""State outside of runs that all processes on one database share: files of opened workflows, each
visible only to its user; and starts within the last hour, for the hourly limit."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    QueuePool,
    Table,
    bindparam,
    case,
    create_engine,
    delete,
    func,
    insert,
    select,
    text,
    tuple_,
    update,
)

from comfy.records.database import erase_deleted
from comfy.records.paid import PaidConsents, PaidRunStore
from comfy.records.rows import escaped, unescaped
from comfy.records.tables import digest, reading, replace_row, share_of, tables, transaction
from comfy.records.tables import opened as _opened
from comfy.records.tables import starts as _starts
from comfy.records.used_files import HeldFiles

OpenedKey = tuple[str, str]  # the digest of an owner, and the workflow's name
_BATCH = 50
_HOUR = 3600.0  # seconds
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
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")


@dataclass(frozen=True, slots=True)
class PrivateFile:
    """File of an opened workflow. `owner`, `address`: digests of the owner and the owner's address;
    `name`: the workflow's name; `file`: the file's own name; `opened_at`: seconds since 1970;
    `is_shared`: the workflow was added to the folder later. `settings`: its form's settings as
    TOML, None without any; `history`: their earlier versions, as JSON. `size`: bytes of the file
    and of its workflow in memory."""

    owner: str
    name: str
    address: str
    file: str
    data: bytes = field(repr=False)
    size: float
    opened_at: float
    is_shared: bool = False
    settings: str | None = None
    history: str = field(default="", repr=False)

    @property
    def key(self) -> OpenedKey:
        return self.owner, self.name


@dataclass(frozen=True, slots=True)
class OpenedRow:
    """An opened workflow without its file. `used_at`: seconds since 1970, accurate to a day.
    `revision`: changes with each write of the file or its settings."""

    owner: str
    name: str
    address: str
    size: float
    opened_at: float
    used_at: float
    is_shared: bool
    revision: str

    @property
    def key(self) -> OpenedKey:
        return self.owner, self.name


def _in_memory(table: Table) -> Engine:
    """Return a database with a table for an app without a history. Its only connection has the
    rows, and serves one thread at a time."""
    options = {"check_same_thread": False}
    pool = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}
    engine = create_engine("sqlite://", connect_args=options, **pool)
    tables.create_all(engine, [table])
    return engine


class OpenedStore:
    """Opened files of all owners, in the history's database or in memory. Thread-safe. All methods
    raise ComfyError if the files can't be read or stored."""

    def __init__(self, engine: Engine | None = None) -> None:
        self._engine = engine or _in_memory(_opened)

    def write(self, file: PrivateFile) -> OpenedRow:
        """Store a file, used now, in place of an older one with its key."""
        row = _row_of(file, time.time())
        values = {key: getattr(row, key) for key in OpenedRow.__dataclass_fields__}
        settings = None if file.settings is None else escaped(file.settings)
        values |= {"file": escaped(file.file), "data": file.data}
        values |= {"settings": settings, "history": escaped(file.history)}
        with transaction(self._engine) as connection:
            replace_row(connection, _opened, values)
        return row

    def row(self, key: OpenedKey) -> OpenedRow | None:
        """Return a file's row; None for an unknown key."""
        rows = self._rows(_is_file(key))
        return rows[0] if rows else None

    def read(self, key: OpenedKey) -> tuple[PrivateFile, OpenedRow] | None:
        """Return a file and its row; None for an unknown key."""
        with reading(self._engine) as connection:
            found = connection.execute(select(_opened).where(_is_file(key))).mappings().first()
        if found is None:
            return None
        row = OpenedRow(**{name: found[name] for name in OpenedRow.__dataclass_fields__})
        settings = None if found["settings"] is None else unescaped(found["settings"])
        file = PrivateFile(
            row.owner,
            row.name,
            row.address,
            unescaped(found["file"]),
            found["data"],
            row.size,
            row.opened_at,
            row.is_shared,
            settings,
            unescaped(found["history"]),
        )
        return file, row

    def rows(self, owner: str = "") -> tuple[OpenedRow, ...]:
        """Return the rows of one owner, or of all, opened longest ago first."""
        return self._rows(_opened.c.owner == owner if owner else None)

    def total(self) -> float:
        """Return the `size` of all files together."""
        with reading(self._engine) as connection:
            return float(connection.execute(select(func.sum(_opened.c.size))).scalar() or 0)

    def touch(self, key: OpenedKey) -> None:
        """Note that a file was used now."""
        with transaction(self._engine) as connection:
            connection.execute(update(_opened).where(_is_file(key)).values(used_at=time.time()))

    def remove(self, keys: Collection[OpenedKey]) -> None:
        """Delete these files."""
        if not keys:
            return
        every = list(keys)
        with transaction(self._engine) as connection:
            for start in range(0, len(every), _BATCH):
                which = tuple_(_opened.c.owner, _opened.c.name).in_(every[start : start + _BATCH])
                connection.execute(delete(_opened).where(which))
        erase_deleted(self._engine)

    def _rows(self, which: ColumnElement[bool] | None) -> tuple[OpenedRow, ...]:
        columns = (_opened.c[name] for name in OpenedRow.__dataclass_fields__)
        query = select(*columns).order_by(_opened.c.opened_at, _opened.c.name)
        if which is not None:
            query = query.where(which)
        with reading(self._engine) as connection:
            return tuple(OpenedRow(*row) for row in connection.execute(query))


def _row_of(file: PrivateFile, now: float) -> OpenedRow:
    """Return the row of a file that is written now."""
    return OpenedRow(
        file.owner,
        file.name,
        file.address,
        file.size,
        file.opened_at,
        now,
        file.is_shared,
        secrets.token_hex(8),
    )


def _is_file(key: OpenedKey) -> ColumnElement[bool]:
    return (_opened.c.owner == key[0]) & (_opened.c.name == key[1])


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
        if connection.dialect.name == "postgresql":
            connection.execute(_LOCK, {"key": int(row["owner"][:15], 16)})
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


class SharedState:
    """Stores of the state that processes share besides runs."""

    def __init__(self, engine: Engine) -> None:
        self.held_files = HeldFiles(engine)
        self.starts = StartStore(engine)
        self.paid_runs = PaidRunStore(engine)
        self.paid_consents = PaidConsents(engine)
        self.opened = OpenedStore(engine)

    def sweep(self) -> None:
        """Delete old rows. Raises ComfyError if the database can't be used."""
        self.held_files.sweep()
        self.starts.sweep()
