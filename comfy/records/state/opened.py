"""Files of workflows that users opened, each visible only to the user who opened it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlalchemy import ColumnElement, Engine, delete, func, insert, select, tuple_, update

from comfy.records.database import erase_deleted
from comfy.records.rows import escaped, unescaped
from comfy.records.tables import as_comfy_errors
from comfy.records.tables import opened as _opened

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
        """Return the file's key."""
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
        """Return the file's key."""
        return self.owner, self.name


class OpenedFiles(Protocol):
    """Opened files of all owners. Thread-safe. All methods raise ComfyError if the files can't be
    read or stored."""

    def write(self, file: PrivateFile) -> OpenedRow:
        """Store a file, used now, in place of an older one with its key."""

    def row(self, key: OpenedKey) -> OpenedRow | None:
        """Return a file's row; None for an unknown key."""

    def read(self, key: OpenedKey) -> tuple[PrivateFile, OpenedRow] | None:
        """Return a file and its row; None for an unknown key."""

    def rows(self, owner: str = "") -> tuple[OpenedRow, ...]:
        """Return the rows of one owner, or of all, opened longest ago first."""

    def total(self) -> float:
        """Return the `size` of all files together."""

    def touch(self, key: OpenedKey) -> None:
        """Note that a file was used now."""

    def remove(self, keys: Collection[OpenedKey]) -> None:
        """Delete these files."""


class OpenedStore:
    """Opened files in the history's database; see `OpenedFiles`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write(self, file: PrivateFile) -> OpenedRow:
        """See `OpenedFiles.write`."""
        row = _row_of(file, time.time())
        values = {key: getattr(row, key) for key in OpenedRow.__dataclass_fields__}
        settings = None if file.settings is None else escaped(file.settings)
        values |= {"file": escaped(file.file), "data": file.data}
        values |= {"settings": settings, "history": escaped(file.history)}
        with as_comfy_errors(), self._engine.begin() as connection:
            connection.execute(delete(_opened).where(_is(file.key)))
            connection.execute(insert(_opened).values(values))
        return row

    def row(self, key: OpenedKey) -> OpenedRow | None:
        """See `OpenedFiles.row`."""
        rows = self._rows(_is(key))
        return rows[0] if rows else None

    def read(self, key: OpenedKey) -> tuple[PrivateFile, OpenedRow] | None:
        """See `OpenedFiles.read`."""
        with as_comfy_errors(), self._engine.connect() as connection:
            found = connection.execute(select(_opened).where(_is(key))).mappings().first()
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
        """See `OpenedFiles.rows`."""
        return self._rows(_opened.c.owner == owner if owner else None)

    def total(self) -> float:
        """See `OpenedFiles.total`."""
        with as_comfy_errors(), self._engine.connect() as connection:
            return float(connection.execute(select(func.sum(_opened.c.size))).scalar() or 0)

    def touch(self, key: OpenedKey) -> None:
        """See `OpenedFiles.touch`."""
        with as_comfy_errors(), self._engine.begin() as connection:
            connection.execute(update(_opened).where(_is(key)).values(used_at=time.time()))

    def remove(self, keys: Collection[OpenedKey]) -> None:
        """See `OpenedFiles.remove`."""
        if not keys:
            return
        every = list(keys)
        with as_comfy_errors(), self._engine.begin() as connection:
            for start in range(0, len(every), _BATCH):
                which = tuple_(_opened.c.owner, _opened.c.name).in_(every[start : start + _BATCH])
                connection.execute(delete(_opened).where(which))
        erase_deleted(self._engine)

    def _rows(self, which: ColumnElement[bool] | None) -> tuple[OpenedRow, ...]:
        columns = (_opened.c[name] for name in OpenedRow.__dataclass_fields__)
        query = select(*columns).order_by(_opened.c.opened_at, _opened.c.name)
        if which is not None:
            query = query.where(which)
        with as_comfy_errors(), self._engine.connect() as connection:
            return tuple(OpenedRow(*row) for row in connection.execute(query))


class OpenedInMemory:
    """Opened files in memory, for apps without a history; see `OpenedFiles`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[OpenedKey, tuple[PrivateFile, OpenedRow]] = {}

    def write(self, file: PrivateFile) -> OpenedRow:
        """See `OpenedFiles.write`."""
        row = _row_of(file, time.time())
        with self._lock:
            self._files[file.key] = file, row
        return row

    def row(self, key: OpenedKey) -> OpenedRow | None:
        """See `OpenedFiles.row`."""
        found = self.read(key)
        return found[1] if found else None

    def read(self, key: OpenedKey) -> tuple[PrivateFile, OpenedRow] | None:
        """See `OpenedFiles.read`."""
        with self._lock:
            return self._files.get(key)

    def rows(self, owner: str = "") -> tuple[OpenedRow, ...]:
        """See `OpenedFiles.rows`."""
        with self._lock:
            rows = [row for _, row in self._files.values()]
        own = (row for row in rows if not owner or row.owner == owner)
        return tuple(sorted(own, key=lambda row: (row.opened_at, row.name)))

    def total(self) -> float:
        """See `OpenedFiles.total`."""
        return sum(row.size for row in self.rows())

    def touch(self, key: OpenedKey) -> None:
        """See `OpenedFiles.touch`."""
        with self._lock:
            if key in self._files:
                file, row = self._files[key]
                self._files[key] = file, replace(row, used_at=time.time())

    def remove(self, keys: Collection[OpenedKey]) -> None:
        """See `OpenedFiles.remove`."""
        with self._lock:
            for key in keys:
                self._files.pop(key, None)


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


def _is(key: OpenedKey) -> ColumnElement[bool]:
    return (_opened.c.owner == key[0]) & (_opened.c.name == key[1])
