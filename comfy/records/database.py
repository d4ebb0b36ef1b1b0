"""Open the history's database: SQLite by default, or any other that SQLAlchemy supports.

Checks the database before writing: another app's database or a newer version is refused and stays
unchanged. A damaged file of this app is set aside.

Create a database's tables, or upgrade them with numbered steps, as in `comfy.records.steps`.
"""

from __future__ import annotations

import glob
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec
from urllib.parse import quote

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    MetaData,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

import comfy.records.administration  # noqa: F401 - adds its tables to the history
from comfy.base.errors import ComfyError, not_written, words_of
from comfy.records.tables import (
    VERSION,
    DamagedDatabase,
    as_comfy_errors,
    files,
    reading,
    runs,
    tables,
    version,
)
from comfyforms.plugin_manager import contributed

log = logging.getLogger(__name__)
_NONE, _FIRST = "0000", "0001"
_STEPS = "comfy.records:steps"  # runs the steps of all schemas
_BUSY = 10.0  # seconds to wait for another process that is writing
_PAUSE = 0.02  # seconds
_ERASING = 1.0  # seconds that other writers may have to wait
# Overwrite deleted data instead of only marking it as free.
_PRAGMAS = ("synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON")
# SQLite's number for `auto_vacuum=INCREMENTAL`: free pages are returned on request.
_INCREMENTAL = 2
_PAGES_AT_ONCE = 1000  # other writers wait meanwhile
_OWN_NAME = "history.sqlite"  # the file name that the app uses
# So that a database server that vanished is noticed soon, unless the address sets them. libpq would
# wait for many minutes.
_PATIENCE = {
    "connect_timeout": 5,  # seconds
    "tcp_user_timeout": 10_000,  # milliseconds until sent data must be acknowledged
    "keepalives_idle": 10,  # seconds
    "keepalives_interval": 3,
    "keepalives_count": 3,
}
_LIBPQ = ("psycopg", "psycopg2")
# Connections of a process to a database server; a thread waits at most 10 s for one.
_POOL = {"pool_size": 5, "max_overflow": 8, "pool_timeout": 10.0}
_LOCK = 0x636F6D6679  # our key for a Postgres lock: only one process at a time may change tables
_SQLITE = b"SQLite format 3\0"
P = ParamSpec("P")
# More statements in a transaction. If they raise an error, it writes nothing.
Within = Callable[[Connection], object]
# More statements in the transaction that records a new run, batch or chain with this id.
AtStart = Callable[[str, Connection], object]


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables that are created and upgraded together. `content`: their name in messages. `version`:
    the table that alembic expects. `ours`: further tables that every version has; a plugin's tables
    in the history need none. `number`: the last step, and `steps`: the folder of the steps as
    `package:folder`, "" without any."""

    content: str
    tables: MetaData
    version: Table
    ours: frozenset[str] = frozenset()
    number: str = _FIRST
    steps: str = ""


@dataclass(frozen=True, slots=True)
class PartTables:
    """Tables of a plugin in the history's database, whose rows declare their people as
    `ROWS` does.

    `schema`: these tables, with one for the version. `runs_change`: called before the runs that
    meet a condition are hidden, listed again or deleted; `rows_gone`: called after rows were
    deleted for room or with a person. Both are part of that transaction.
    """

    schema: Schema
    runs_change: Callable[[Connection, ColumnElement[bool]], None] = lambda *_: None
    rows_gone: Callable[[Connection], None] = lambda _: None


HISTORY = Schema(
    "history",
    tables,
    version,
    frozenset((runs.name, files.name)),
    VERSION,
    f"{_STEPS}/versions",
)


def make_tables(connection: Connection, schema: Schema) -> None:
    """Create the tables, or upgrade them to the schema's version, in the transaction of this
    connection, which must be the only writer.

    Raises ComfyError if the tables belong to another app or a newer version, and SQLAlchemyError if
    a step fails; the caller then rolls back.
    """
    columns = _columns(connection, schema)
    if not columns:
        schema.tables.create_all(connection)
        connection.execute(insert(schema.version).values(version_num=schema.number))
        return
    number = _number(connection, columns, schema)
    if number is None:
        raise _not_ours(connection, schema)
    if number > schema.number:
        raise ComfyError(
            f"A newer version of this program wrote the {schema.content}.",
            f"Use that version, or choose another location for the {schema.content}.",
        )
    if number < schema.number:
        _take_steps(connection, number, schema)
    elif columns != {name: set(table.c.keys()) for name, table in schema.tables.tables.items()}:
        raise _not_ours(connection, schema)


def _columns(connection: Connection, schema: Schema) -> dict[str, set[str]]:
    """Return the existing tables with our names, and their columns."""
    inspector = inspect(connection)
    return {
        name: {column["name"] for column in inspector.get_columns(name)}
        for name in schema.tables.tables
        if inspector.has_table(name)
    }


def _number(connection: Connection, columns: dict[str, set[str]], schema: Schema) -> str | None:
    """Return the tables' step number; None if they aren't this app's. A plugin's tables without a
    number are from before it had steps, so its first step finds what they lack."""
    version = schema.version
    if version.name not in columns and not schema.ours:
        return _NONE
    if not columns.keys() >= schema.ours or columns.get(version.name) != {"version_num"}:
        return None
    number = str(connection.execute(select(version.c.version_num)).scalar())
    is_step = len(number) == len(_FIRST) and number.isdecimal() and number >= _FIRST
    return number if is_step else None


def _take_steps(connection: Connection, number: str, schema: Schema) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it has lines about itself
    from alembic import command  # takes a third of a second, and is needed only for an upgrade
    from alembic.config import Config

    log.info("Upgrading the %s from version %s to %s.", schema.content, number, schema.number)
    config = Config(attributes={"connection": connection, "version_table": schema.version.name})
    options = {"script_location": _STEPS, "version_locations": schema.steps}
    for name, value in (options | {"path_separator": "newline"}).items():
        config.set_main_option(name, value)
    command.upgrade(config, schema.number)


def _not_ours(connection: Connection, schema: Schema) -> ComfyError:
    return ComfyError(
        f"The database {connection.engine.url.database} was not created by this program and"
        " was left unchanged.",
        f"Choose another location for the {schema.content}, or move this database away.",
    )


def no_more(_: Connection) -> None:
    """Run no more statements."""


def nothing_at_start(_started: str, _connection: Connection) -> None:
    """Run no more statements."""


def both(first: Callable[P, object], second: Callable[P, object]) -> Callable[P, None]:
    """Return the statements of both, in this order."""

    def within(*args: P.args, **kwargs: P.kwargs) -> None:
        first(*args, **kwargs)
        second(*args, **kwargs)

    return within


def sqlite_address(folder: Path, name: str = _OWN_NAME) -> str:
    """Return the SQLAlchemy URL of the history, or of the database with this name, in a folder with
    any name."""
    return f"sqlite:///{quote(str(folder.absolute() / name))}"


def open_database(address: str, *, alone: bool = True) -> Engine:
    """Open the database at a SQLAlchemy URL and create its tables. Raises ComfyError if it can't be
    used.

    `alone`: no other process has it open, so a damaged file may be set aside and replaced by an
    empty one.
    """
    url = _url(address)
    try:
        return _opened(url, alone=alone)
    except DamagedDatabase as damage:
        file = _file(url)
        if file is None or not alone or not _is_ours(file):
            raise
        aside = _set_aside(file)
        log.warning(
            "The history is damaged and was set aside as %s: %s Earlier results are no longer"
            " listed. Their files are kept as long as that file exists.",
            aside,
            damage,
        )
        return _opened(url, alone=alone)


def is_set_aside(engine: Engine) -> bool:
    """Return whether a damaged database was set aside here; its records may still need the
    files."""
    file = _file(engine.url)
    return file is not None and any(file.parent.glob(f"{glob.escape(file.stem)}.damaged-*"))


def erase_deleted(engine: Engine) -> bool:
    """Remove deleted data from SQLite's write-ahead log; return False if a reader prevents it."""
    if engine.dialect.name != "sqlite":
        return True
    with reading(engine) as connection:
        _wait_at_most(connection, _ERASING)
        try:
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()
        finally:
            _wait_at_most(connection, _BUSY)
    return not busy


class Eraser:
    """Removal of deleted data from SQLite's log, with a retry after a failure."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._unerased = False

    def note(self) -> None:
        """Remember that something was deleted."""
        self._unerased = True

    def erase(self) -> None:
        """Erase noted data from the log; if that fails, the next call retries."""
        if not self._unerased:
            return
        self._unerased = False  # reset first: another thread may delete meanwhile
        try:
            erased = erase_deleted(self._engine)
        except ComfyError as problem:
            log.warning("Deleted data is still in the database's log: %s", problem)
            erased = False
        if not erased:
            self._unerased = True


def shrink(engine: Engine, spare: float) -> bool:
    """Free unused pages of the file if they exceed `spare` bytes; return whether they did. The disk
    gets them back once SQLite's log is written to the file. Raises ComfyError."""
    if engine.dialect.name != "sqlite":
        return False
    with reading(engine) as connection:
        ask = connection.exec_driver_sql
        size = int(ask("PRAGMA page_size").scalar() or 0)
        free = int(ask("PRAGMA freelist_count").scalar() or 0)
        if free * size <= spare:
            return False
        try:
            with closing(connection.connection.cursor()) as cursor:
                for _ in range(0, free, _PAGES_AT_ONCE):
                    # Each step frees one page, and only a script runs all steps.
                    cursor.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")
        except sqlite3.Error as error:  # another process is writing; the pages will be reused
            log.info("Can't free unused pages of the history: %s", error)
    return True


def _wait_at_most(connection: Connection, seconds: float) -> None:
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")


@contextmanager
def _address_in_words() -> Iterator[None]:
    """Raise a ComfyError about an address without repeating it, as it may contain a password."""
    try:
        yield
    except (
        SQLAlchemyError,
        TypeError,
        ValueError,
    ) as error:  # the last two for an invalid port or option
        raise ComfyError(
            "The address of the history database is invalid.",
            "Write it like sqlite:////srv/comfyforms/history.db or"
            " postgresql+psycopg://name@host/database.",
        ) from error


def _url(address: str) -> URL:
    with _address_in_words():
        url = make_url(address)
        url.get_dialect()
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ComfyError(
            "The history needs a file: in memory it would be lost.", "Name one after sqlite:///."
        )
    return url


def _file(url: URL) -> Path | None:
    """Return the path of an SQLite database; None for other databases."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith("file:"):
        return None
    return Path(url.database)


def _opened(url: URL, *, alone: bool) -> Engine:
    file = _file(url)
    try:
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists():
                file.touch(mode=0o600)  # other accounts of this machine must not read users' data
    except OSError as error:
        problem = f"Can't store the history in {url.database}: {words_of(error)}."
        full = f"The app's disk is full: can't store the history in {url.database}."
        raise not_written(error, problem, "Choose another location.", full=full) from error
    is_server = url.get_backend_name() != "sqlite"
    engine = (
        new_engine(url, **_POOL) if is_server else new_engine(url, connect_args={"timeout": _BUSY})
    )
    try:
        with as_comfy_errors():
            _make_tables(engine)
    except BaseException:
        engine.dispose()
        raise
    if engine.dialect.name == "sqlite":
        engine.dispose()  # the next connection is the first to a database known to be ours
        event.listen(engine, "connect", _prepare)
    if file is not None:
        _close_to_others(file)
    return engine


def new_engine(url: str | URL, **options: Any) -> Engine:
    """Return an engine with SQLAlchemy's options. A connection to a server is checked before each
    use. Raises ComfyError if the address is invalid or its driver is missing."""
    with _address_in_words():
        url = make_url(url)
        is_server = url.get_backend_name() != "sqlite"
        if url.get_driver_name() in _LIBPQ:
            patience = {name: most for name, most in _PATIENCE.items() if name not in url.query}
            options["connect_args"] = patience
        try:
            return create_engine(url, hide_parameters=True, pool_pre_ping=is_server, **options)
        except ImportError as error:
            raise ComfyError(
                f"The driver for the database {url.drivername} is not installed.",
                f"pip install {error.name or 'it'}",
            ) from error


def _prepare(connection: object, _: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    _write_ahead(cursor)
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Turn on write-ahead logging. If it isn't on yet, SQLite needs exclusive access and doesn't
    wait for it, so retry."""
    end = time.monotonic() + _BUSY
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _make_tables(engine: Engine) -> None:
    """Create or upgrade the tables in one transaction. Raises ComfyError if they aren't ours.

    A failure changes nothing, so no backup is made first, which would keep deleted data.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            # Has an effect only before the first table exists.
            connection.exec_driver_sql(f"PRAGMA auto_vacuum={_INCREMENTAL}")
            answer = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            if answer != "ok":
                raise DamagedDatabase(str(answer).partition("\n")[0])
            # A step may rewrite records.
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        lock_tables(connection)
        for schema in (HISTORY, *(one.schema for one in contributed("tables"))):
            make_tables(connection, schema)


def lock_tables(connection: Connection) -> None:
    """Let no other process change tables until the end of this transaction, which SQLite's driver
    doesn't begin for changes to tables."""
    match connection.dialect.name:
        case "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        case "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def _is_ours(file: Path) -> bool:
    """Return whether a damaged file was probably a database of this app."""
    with file.open("rb") as content:
        return file.name == _OWN_NAME or content.read(len(_SQLITE)) == _SQLITE


def _set_aside(file: Path) -> Path:
    aside = file.with_name(f"{file.stem}.damaged-{datetime.now():%Y%m%d-%H%M%S-%f}")
    try:
        for suffix in ("-wal", "-shm", ""):  # SQLite's suffixes
            part = file.with_name(file.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        problem = f"Can't set the damaged history aside: {words_of(error)}."
        full = "The app's disk is full: can't set the damaged history aside."
        raise not_written(error, problem, "Move it away yourself.", full=full) from error
    return aside


def _close_to_others(file: Path) -> None:
    try:
        file.chmod(0o600)  # SQLite creates the files next to it with the same mode
    except OSError as error:
        log.warning(
            "Other accounts on this machine may be able to read %s: %s",
            file,
            error.strerror or error,
        )
