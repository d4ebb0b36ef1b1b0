"""Database of sign-ins, which survive a restart and are shared by all processes of the app. With
SQLite it is a file of its own, otherwise beside the history."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from comfy.base.errors import ComfyError
from comfy.base.messages import message, sentences
from comfy.records.database import Schema, lock_tables, make_tables, new_engine
from comfy.records.tables import ROWS, Bounded, Unowned, version_table

_tables = MetaData()
_version = version_table("sign_in", _tables)
# The number of changes to the other tables, in one row. A process that knows another number reads
# them again. Use times and wrong passwords don't count as changes.
changes = Table(
    "sign_in_changes",
    _tables,
    Column("id", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
    info={ROWS: Unowned("One row.")},
)
# The columns of `ui.accounts.store.BrowserSession`.
sessions = Table(
    "sessions",
    _tables,
    Column("key", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("way", String(16), nullable=False),
    Column("proof", Text, nullable=False),
    Column("began", Double, nullable=False),
    Column("seen", Double, nullable=False),
    info={ROWS: Bounded("name", "100 per user, 1,000 guests.", "seen")},
)
# The columns of `ui.accounts.store.AccessToken`.
access_tokens = Table(
    "access_tokens",
    _tables,
    Column("key", String(64), primary_key=True),
    Column("id", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("way", String(16), nullable=False),
    Column("proof", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("made", Double, nullable=False),
    Column("used", Double, nullable=False),
    Column("scope", Text, nullable=False, server_default=""),
    info={ROWS: Bounded("name", "50 per user.", "made")},
)
share_link = Table(
    "share_link",
    _tables,
    Column("token", String(64), primary_key=True),
    info={ROWS: Unowned("One row.")},
)
# Users whom a trusted proxy named, or whose sessions ended, with the last time since 1970.
named_by_proxy = Table(
    "named_by_proxy",
    _tables,
    Column("key", String(64), primary_key=True),  # digest of the name
    Column("name", Text, nullable=False),
    Column("named", Double, nullable=False),
    info={ROWS: Bounded("name", "One per user.", "named")},
)
# Users of an OpenID provider, as JSON.
openid_people = Table(
    "openid_people",
    _tables,
    Column("id", String(64), primary_key=True),
    Column("person", Text, nullable=False),
    info={ROWS: Bounded("id", "One per user. They last as long as a session.")},
)
# Wrong passwords, by the digest of an address, of an address and a name, or of a known browser.
guesses = Table(
    "guesses",
    _tables,
    Column("key", String(64), primary_key=True),
    Column("wrong", Integer, nullable=False),
    Column("last", Double, nullable=False),  # seconds since 1970
    info={ROWS: Unowned("Counts, which last 15 minutes.")},
)
SIGN_IN_SCHEMA = Schema(
    "sign-ins",
    _tables,
    _version,
    frozenset((sessions.name, changes.name)),
    "0002",
    "ui.accounts:steps",
)
log = logging.getLogger(__name__)
_LONGEST_LOCK = 30.0  # seconds that a change waits for another program's lock on the file
# Milliseconds until Postgres ends the transaction of a frozen process, and until others give up.
_LONGEST_TRANSACTION, _LONGEST_WAIT = 10_000, 15_000


class SignInStoreError(ComfyError):
    """Error for a database of sign-ins that can't be used. `shown` is the message for users, with a
    file's name but not its path."""

    def __init__(self, problem: str, hint: str, shown: str = "") -> None:
        super().__init__(problem, hint)
        self.shown = sentences(shown or problem, hint)


class SignInDatabase:
    """Database of sign-ins, for any thread. Several may be open, also in several processes. Each
    uses one connection."""

    def __init__(self, address: str | None) -> None:
        """Open the database at a SQLAlchemy URL, and create missing tables; None keeps the data in
        memory. Raises ComfyError if it can't be used."""
        self._lock = threading.Lock()
        self._is_closed = False
        self._problem = ""
        self._number = -1
        url = make_url(address) if address else None
        is_file = url is not None and url.get_backend_name() == "sqlite"
        self._path = Path(url.database or "") if url is not None and is_file else None
        self._is_server = url is not None and not is_file
        with self._errors():
            if self._path is not None:
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            if url is None:
                threads = {"check_same_thread": False}
                self._engine = new_engine("sqlite://", poolclass=StaticPool, connect_args=threads)
            elif self._is_server:
                self._engine = new_engine(url, pool_size=1, max_overflow=0)
            else:
                self._engine = new_engine(url, connect_args={"timeout": _LONGEST_LOCK})
            with self._engine.begin() as rows:
                lock_tables(rows)
                make_tables(rows, SIGN_IN_SCHEMA)
                if rows.scalar(select(changes.c.number)) is None:
                    rows.execute(insert(changes).values(id=1, number=0))

    def close(self) -> None:
        """Close the database after the current writer; later calls raise SignInStoreError."""
        with self._lock:
            self._is_closed = True
            self._engine.dispose()

    def has_changed(self) -> bool:
        """Return whether another process has changed something since `loading`."""
        with self.reading() as rows:
            return rows.scalar(select(changes.c.number)) != self._number

    @contextlib.contextmanager
    def changing(self) -> Iterator[Connection]:
        """Run statements in one transaction, which other processes notice. Raises
        SignInStoreError."""
        with self._lock, self._errors():
            with self._engine.begin() as rows:
                number = _locked(rows) + 1
                rows.execute(update(changes).values(number=number))
                yield rows
            if number == self._number + 1:
                self._number = number

    @contextlib.contextmanager
    def loading(self) -> Iterator[Connection]:
        """Run statements in one transaction that reads everything that processes change. What it
        writes is noticed the next time that others load. Raises SignInStoreError."""
        with self._lock, self._errors():
            with self._engine.begin() as rows:
                number = _locked(rows)
                yield rows
            self._number = number

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Run statements that only read. Raises SignInStoreError."""
        with self._lock, self._errors(), self._engine.connect() as rows:
            yield rows

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Run statements in one transaction that other processes need not notice. Raises
        SignInStoreError."""
        with self._lock, self._errors(), self._engine.begin() as rows:
            _locked(rows)
            yield rows

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Convert errors of the file or database. A server's message may name its host and account,
        so it is only logged, once."""
        if self._is_closed:
            raise SignInStoreError("ComfyForms is shutting down.", "Try again in a moment.")
        try:
            yield
        except (OSError, SQLAlchemyError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            if not self._is_server:
                raise _file_error(self._path, reason) from error
            problem = str(reason).strip().partition("\n")[0]
            if problem != self._problem:
                log.warning("The database of sign-ins failed: %s", problem)
            self._problem = problem
            raise SignInStoreError(
                message("The sign-in database isn't working."),
                message("Try again in a moment."),
            ) from error
        self._problem = ""


def _locked(rows: Connection) -> int:
    """Let no other process write until the end of this transaction. Return the number of
    changes."""
    if rows.dialect.name == "sqlite":  # has no locks on rows
        rows.exec_driver_sql("BEGIN IMMEDIATE")
    elif rows.dialect.name == "postgresql":
        idle = f"set_config('idle_in_transaction_session_timeout', '{_LONGEST_TRANSACTION}', true)"
        rows.exec_driver_sql(f"SELECT {idle}, set_config('lock_timeout', '{_LONGEST_WAIT}', true)")
    return int(rows.scalars(select(changes.c.number).with_for_update()).one())


def _file_error(path: Path | None, reason: BaseException | None) -> SignInStoreError:
    name = path.name if path else ""
    if isinstance(reason, sqlite3.DatabaseError) and not isinstance(
        reason, sqlite3.OperationalError
    ):
        return SignInStoreError(
            f"{path} is damaged.",
            "Delete it. All users must then sign in again and create new tokens.",
            f"{name} is damaged.",
        )
    return SignInStoreError(
        f"The file {path} could not be used: {reason}.",
        "Check its permissions, or choose another folder (--data).",
        f"The file {name} could not be used: {reason}.",
    )
