"""Tables of the history, and the conversion of database errors to messages."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Double,
    Engine,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    delete,
    false,
    insert,
    text,
)
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.schema import sort_tables

from comfy.base.errors import DISK_FULL, ComfyError, DatabaseAway, DiskFull
from comfy.base.messages import message
from comfyforms.plugin_manager import contributed

log = logging.getLogger(__name__)

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

# Errors of a database server that may be over soon: it restarts, or has too many connections.
_PASSING = (OperationalError, InterfaceError, PoolTimeoutError)
_FULL = "53100"  # Postgres' code for a full disk

_SEE = message("Tell the administrator, then try again.")

VERSION = "0006"  # the last step in `comfy.records.steps`

_LOCK = text("SELECT pg_advisory_xact_lock(:key)")

tables = MetaData()  # without the tables of plugins
# The key of the declaration in `Table.info` of each table of the history. `comfy.records.people`
# derives the shares of `--keep-gb` and the deletion of a person from it.
ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows of people within `--keep-gb`, with `kept_columns`. Beyond `room`, a part of it, the
    oldest rows of the address or account with the most go.

    `owner`: the column with a digest of the person. `age`: the column that is the least in the
    oldest row. `goes`: the rows that may go, None for all. `stays`: why the rows outlast their
    person. `words`: returns a number of rows in words, None if people don't count them.
    """

    owner: str
    age: str
    room: float
    goes: ColumnElement[bool] | None = None
    stays: str = ""
    words: Callable[[int], str] | None = None


@dataclass(frozen=True, slots=True)
class Bounded:
    """Rows of people within other limits. `most`: these limits; `age`: "" if they have no number;
    `lasts`: the seconds after `age` that a row may stay, 0 for no such limit; the rest: see `Kept`.
    Instead of a digest, `owner` may have a JSON text."""

    owner: str
    most: str
    age: str = ""
    stays: str = ""
    lasts: float = 0.0


@dataclass(frozen=True, slots=True)
class PartOf:
    """Rows that refer to other people's rows, and are counted and deleted with them."""


@dataclass(frozen=True, slots=True)
class Unowned:
    """Rows that aren't people's. `why`: what they are."""

    why: str


PARTS = {ROWS: PartOf()}


def kept_columns() -> tuple[Column[str], Column[float]]:
    """Return the columns that attribute rows to an owner's share of `--keep-gb`.

    `share`: the digest of the address of an owner without an account, "" for other owners. `size`:
    the row's bytes without its files.
    """
    return (
        Column("share", String(64), nullable=False, server_default=""),
        Column("size", Double, nullable=False, server_default=text("0")),
    )


def version_table(schema: str, tables: MetaData) -> Table:
    """Return the table that alembic expects."""
    return Table(
        f"{schema}_version",
        tables,
        Column("version_num", String(32), primary_key=True),
        info={ROWS: Unowned("The number of the last step.")},
    )


version = version_table("history", tables)

# Owner and workflow are digests: browsers choose them, and an index needs short values.
runs = Table(
    "runs",
    tables,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("workflow", String(64), nullable=False),
    Column("submitted_at", Double, nullable=False),
    Column("ended_at", Double),  # seconds since 1970; NULL until the run is finished
    Column("sent", Boolean, nullable=False),
    Column("prompt_id", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("record", Text, nullable=False),  # a search reads only the columns before this long one
    Column("server", Text, nullable=False, server_default=""),
    Column("group", Text, nullable=False, server_default=""),
    Column("fruitless", Boolean, nullable=False, server_default=false()),  # not done, no result
    Column("favourite", Boolean, nullable=False, server_default=false()),
    Column("deleted_at", Double),  # seconds since 1970; hidden from lists, and soon deleted
    Column("outcome", String(16), nullable=False, server_default=""),  # the phase, "" until the end
    Column("seconds", Double),  # from the start on the server to the end; NULL if it never started
    *kept_columns(),
    Index("runs_of_owner", "owner", "ended_at", "submitted_at", "id"),
    Index("runs_of_workflow", "owner", "workflow", "ended_at", "submitted_at", "id"),
    Index("runs_by_end", "ended_at"),
    # Everything that a list needs. Without this index, SQLite would read through the records to
    # reach the last columns.
    Index(
        "runs_listed",
        *("owner", "ended_at", "submitted_at", "id", "workflow"),
        *("fruitless", "favourite", "deleted_at"),
    ),
    # Everything that the administrator's overview of weeks needs.
    Index("runs_used", "ended_at", "workflow", "outcome", "seconds", "owner"),
    # Everything that a sweep needs about every run, without reading the records.
    Index(
        "runs_by_share",
        *("share", "owner", "favourite", "ended_at", "submitted_at", "id", "size"),
    ),
    # The few runs that are hidden now.
    Index(
        "runs_hidden",
        "id",
        sqlite_where=text("deleted_at IS NOT NULL"),
        postgresql_where=text("deleted_at IS NOT NULL"),
    ),
    info={
        ROWS: Kept("owner", "ended_at", 1, stays="They are hidden, and soon deleted with files.")
    },
)

# Parents of runs. A parent may have been deleted.
parents = Table(
    "parents",
    tables,
    Column("run", String(64), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("parent", String(64), primary_key=True),
    Index("parents_by_parent", "parent"),
    info=PARTS,
)

files = Table(
    "files",
    tables,
    Column("run", String(64), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("size", Double, nullable=False),  # bytes; a 32-bit integer would overflow at 2 GiB
    Index("files_by_digest", "digest"),
    info=PARTS,
)

# Shared presets have the owner "". The name is a digest here, too; the user's text is only in
# `preset`.
presets = Table(
    "presets",
    tables,
    Column("owner", String(64), primary_key=True),
    Column("workflow", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("preset", Text, nullable=False),
    *kept_columns(),
    Column("used_at", Double, nullable=False, server_default=text("0")),  # seconds since 1970
    Index("presets_by_share", "share", "owner", "used_at", "workflow", "name", "size"),
    info={ROWS: Kept("owner", "used_at", 1 / 4)},
)

preset_files = Table(
    "preset_files",
    tables,
    *(Column(key, String(64), primary_key=True) for key in ("owner", "workflow", "name")),
    Column("digest", String(64), primary_key=True),
    Column("size", Double, nullable=False),  # bytes
    ForeignKeyConstraint(
        ("owner", "workflow", "name"),
        ("presets.owner", "presets.workflow", "presets.name"),
        ondelete="CASCADE",
    ),
    Index("preset_files_by_digest", "digest"),
    info=PARTS,
)

# Files of links to results. The rows of a link have its token. `n`: the file's number in the link;
# `place`: its index among the run's files; `content`: a digest of the link's owner and files, so
# that the same files have one link; the token once a file was removed from the link, and NULL if an
# earlier version of the app made it after the upgrade.
shared_results = Table(
    "shared_results",
    tables,
    Column("token", String(64), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False, server_default=text("0")),
    Column("run", String(64), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("content", String(64)),
    Index("shared_results_by_content", "content", "n", unique=True),
    Index("shared_results_of_run", "run", "place"),
    info=PARTS,
)


# Requests that have started runs: digests of the owner and key and of the content, and the ids of
# the runs as a JSON list.
started_requests = Table(
    "started_requests",
    tables,
    Column("key", String(64), primary_key=True),
    Column("content", String(64), nullable=False),
    Column("runs", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    # Digest of the address or owner.
    Column("share", String(64), nullable=False, server_default=""),
    Index("started_requests_by_age", "made_at"),
    Index("started_requests_by_share", "share", "made_at"),
    info={ROWS: Bounded("share", "10,000 per address or account.", "made_at", "They last a day.")},
)

# Starts of runs within the last hour. `group`: the digest of the batch or chain, of whose runs only
# the first is here.
starts = Table(
    "starts",
    tables,
    Column("id", Integer, primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("group", String(64), nullable=False),
    Column("at", Double, nullable=False),  # seconds since 1970
    Index("starts_of_owner", "owner", "address", "at", "group"),
    Index("starts_by_age", "at"),
    info={ROWS: Bounded("owner", "The hourly limit per person.", stays="They last an hour.")},
)

# Runs that use paid credits, also deleted ones. `person`: the digest of the account, or of the
# address of an owner without one. `owner`: as in `Record`, as a JSON text.
paid_runs = Table(
    "paid_runs",
    tables,
    Column("run", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("at", Double, nullable=False),  # seconds since 1970
    Column("owner", Text, nullable=False),
    Index("paid_runs_of_person", "person", "at"),
    Index("paid_runs_by_age", "at", "person"),
    info={
        ROWS: Bounded("owner", "The daily limits.", stays="The administrator has paid for them.")
    },
)

# Workflows whose price an owner has confirmed.
paid_consents = Table(
    "paid_consents",
    tables,
    Column("owner", String(64), primary_key=True),
    Column("workflow", String(64), primary_key=True),
    Column("at", Double, nullable=False),  # seconds since 1970
    info={ROWS: Bounded("owner", "10,000.", "at")},
)

# Users' own comfy.org API keys, encrypted; see `comfy.records.paid`.
api_keys = Table(
    "api_keys",
    tables,
    Column("owner", String(64), primary_key=True),
    Column("name", Text, nullable=False),  # of the owner, as a JSON text
    Column("encrypted", Text, nullable=False),
    info={ROWS: Bounded("owner", "One per account.")},
)

# Workflows that users opened; see `comfy.records.opened`. Queries of many rows read only the
# columns before the long ones.
opened = Table(
    "opened",
    tables,
    Column("owner", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("address", String(64), nullable=False),
    Column("size", Double, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("used_at", Double, nullable=False),
    Column("is_shared", Boolean, nullable=False),
    Column("revision", String(64), nullable=False),
    Column("file", Text, nullable=False),
    Column("settings", Text),
    Column("history", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("opened_by_size", "size"),
    info={ROWS: Bounded("owner", "20 per person, 128 MB in total.")},
)

# Stored files that a process needs but no row refers to yet. Only on Postgres, which several
# processes may use.
held_files = Table(
    "held_files",
    tables,
    Column("digest", String(64), primary_key=True),
    Column("holder", String(64), primary_key=True),
    Column("at", Double, nullable=False),  # seconds since 1970
    Index("held_files_of_holder", "holder"),
    info={ROWS: Unowned("Files that processes need.")},
)

# Batches and chains; their id is the `group` of their runs. `about` describes a group in lists;
# `content` is the request to run and may be long.
groups = Table(
    "groups",
    tables,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("ended_at", Double),  # seconds since 1970; NULL while the group is active
    Column("state", String(64), nullable=False),
    Column("about", Text, nullable=False),
    Column("progress", Text, nullable=False),
    Column("content", Text, nullable=False),
    *kept_columns(),
    Index("groups_by_share", "share", "owner", "ended_at", "id", "size"),
    Index("groups_of_owner", "owner", "created_at"),
    Index("groups_by_end", "ended_at"),
    info={ROWS: Kept("owner", "ended_at", 1 / 4)},
)

group_files = Table(
    "group_files",
    tables,
    Column("group", String(64), ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("size", Double, nullable=False),  # bytes
    Index("group_files_by_digest", "digest"),
    info=PARTS,
)

# Webhooks to send at the end of a run, batch or chain: `about` is its id, `owner` a JSON text.
# `ended_at`, `due_at`: seconds since 1970, NULL while it is active.
webhooks = Table(
    "webhooks",
    tables,
    Column("id", String(64), primary_key=True),
    Column("subject", String(64), nullable=False),
    Column("about", String(64), nullable=False),
    Column("owner", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("ended_at", Double),
    Column("due_at", Double),
    Column("tries", Integer, nullable=False),
    Index("webhooks_due", "host", "due_at"),
    info={ROWS: Bounded("owner", "One per start.")},
)

# Workflows that users added to the folder: digests of the name, the owner, and the files as they
# were added.
added_workflows = Table(
    "added_workflows",
    tables,
    Column("name", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("content", String(64), nullable=False),
    info={ROWS: Bounded("owner", "One per file.", stays="The workflows are for all users.")},
)


@cache
def all_tables() -> Sequence[Table]:
    """Return the tables of the history and of plugins. Rows refer to earlier tables only."""
    each = (tables, *(one.schema.tables for one in contributed("tables")))
    return sort_tables([table for one in each for table in one.tables.values()])


def digest(name: str) -> str:
    """Return the digest for an owner, a workflow or a name."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def share_of(address: str) -> str:
    """Return the `share` of rows whose owner is at this address, "" for an owner who counts
    alone."""
    return digest(address) if address else ""


class DamagedDatabase(ComfyError):
    """Error for a database file that is unreadable or isn't a database."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The history couldn't be read or saved: {why}.",
            "Move the database away, or choose another location.",
        )


@contextmanager
def as_comfy_errors() -> Iterator[None]:
    """Convert database errors to ComfyError, without the statement and its values."""
    try:
        yield
    except SQLAlchemyError as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        why = str(reason).strip().partition("\n")[0]
        code = getattr(reason, "sqlite_errorcode", 0) & 0xFF  # without the extended error code
        if code == sqlite3.SQLITE_FULL or getattr(reason, "sqlstate", "") == _FULL:
            raise DiskFull(DISK_FULL) from error
        if code in _DAMAGE:
            raise DamagedDatabase(why) from error
        if isinstance(reason, sqlite3.Error):
            raise ComfyError(
                message("The history couldn't be read or saved: {why}.", why=why), _SEE
            ) from error
        # A database server's message may name its host and account.
        log.warning("The history database failed: %s", why)
        if isinstance(error, _PASSING):
            raise DatabaseAway(
                message("ComfyForms can't reach its database."), message("Try again in a moment.")
            ) from error
        raise ComfyError(
            "The history couldn't be read or saved: its database isn't working correctly.", _SEE
        ) from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection for statements that only read. Raises ComfyError."""
    with as_comfy_errors(), engine.connect() as connection:
        yield connection


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Yield a connection whose statements are committed together, or rolled back after an error.
    Raises ComfyError."""
    with as_comfy_errors(), engine.begin() as connection:
        yield connection


def lock_rows(connection: Connection, table: Table, owner: str) -> None:
    """Let no other transaction that calls this count or add rows of an owner's digest until the end
    of this one. SQLite's first write does the same."""
    if connection.dialect.name == "postgresql":
        key = int(digest(f"{table.name} {owner}")[:15], 16)
        connection.execute(_LOCK, {"key": key})


def replace_row(connection: Connection, table: Table, values: Mapping[str, object]) -> None:
    """Insert a row in place of the one with its primary key. Deletes first, which takes SQLite's
    write lock even if there is no such row."""
    key = (column == values[column.name] for column in table.primary_key.columns)
    connection.execute(delete(table).where(*key))
    connection.execute(insert(table).values(values))
