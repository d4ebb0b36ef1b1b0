"""The tables of the history, and how its database is opened. SQLite by default; any database SQLAlchemy speaks to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from comfy.errors import ComfyError

__all__ = ["files", "in_words", "open_database", "runs"]

_VERSION = 1
_BUSY = 10.0  # seconds to wait for another program that is writing
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")

_tables = MetaData()

_about = Table("about", _tables, Column("version", Integer, nullable=False))

# Owner and workflow are kept as digests here: browsers choose them, an index wants them short.
runs = Table(
    "runs",
    _tables,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("workflow", String(64), nullable=False),
    Column("submitted_at", Double, nullable=False),
    Column("ended_at", Double),  # seconds since 1970; NULL as long as the run is not finished
    Column("sent", Boolean, nullable=False),
    Column("prompt_id", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("record", Text, nullable=False),  # last: a search reads what stands before it only
    Index("runs_of_owner", "owner", "ended_at", "submitted_at", "id"),
    Index("runs_of_workflow", "owner", "workflow", "ended_at", "submitted_at", "id"),
    Index("runs_by_end", "ended_at"),
)

files = Table(
    "files",
    _tables,
    Column("run", String(64), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("size", Double, nullable=False),  # bytes; a 32-bit integer would end at 2 GiB
    Index("files_by_digest", "digest"),
)


@contextmanager
def in_words() -> Iterator[None]:
    """Database errors as ComfyError, without the statement and what was in it."""
    try:
        yield
    except SQLAlchemyError as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        told = str(reason).strip().partition("\n")[0]
        raise ComfyError(
            f"The history could not be read or written: {told}.",
            "See whether the disk is full and the database can be reached, then try again.",
        ) from error


def open_database(address: str) -> Engine:
    """The database at a SQLAlchemy URL, with its tables. ComfyError if it cannot be used."""
    url = _url(address)
    try:
        if url.get_backend_name() == "sqlite" and url.database and not url.database.startswith("file:"):
            file = Path(url.database)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)  # what people made is nothing for other accounts of this machine
        engine = _engine(url)
    except ImportError as error:
        raise ComfyError(
            f"The driver for the database {url.drivername} is not installed.", f"pip install {error.name or 'it'}"
        ) from error
    except OSError as error:
        raise ComfyError(
            f"The history cannot be kept in {url.database}: {error.strerror or error}.", "Choose another place."
        ) from error
    try:
        with in_words():
            _make_tables(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _url(address: str) -> URL:
    try:
        url = make_url(address)
        url.get_dialect()
    except SQLAlchemyError as error:
        raise ComfyError(
            "The address of the history's database cannot be read.",
            "Write it like sqlite:////srv/comfyforms/history.db or postgresql+psycopg://name@host/database.",
        ) from error
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ComfyError("The history needs a file: in memory it would be lost.", "Name one after sqlite:///.")
    return url


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, hide_parameters=True, pool_pre_ping=True)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY})

    @event.listens_for(engine, "connect")
    def prepare(connection: object, _: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _make_tables(engine: Engine) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":  # its driver begins no transaction for tables by itself
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        _about.create(connection, checkfirst=True)
        version = connection.execute(select(_about.c.version)).scalar()
        if version is not None and version > _VERSION:
            raise ComfyError(
                "The history was written by a newer version of this program.",
                "Use that version, or another place for the history.",
            )
        _tables.create_all(connection)
        if version is None:
            connection.execute(insert(_about).values(version=_VERSION))
