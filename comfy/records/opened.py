"""Files of opened workflows, each visible only to its user. All processes on one database share
them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import (
    ColumnElement,
    Engine,
    QueuePool,
    Table,
    create_engine,
    delete,
    func,
    select,
    tuple_,
    update,
)

from comfy.records.database import erase_deleted
from comfy.records.rows import escaped, unescaped
from comfy.records.tables import opened as _opened
from comfy.records.tables import reading, replace_row, tables, transaction

OpenedKey = tuple[str, str]  # the digest of an owner, and the workflow's name
_BATCH = 50


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
