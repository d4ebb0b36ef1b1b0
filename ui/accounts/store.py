"""Sessions of browsers and tokens of scripts: in memory for whoever asks, in a file for the next
start. Of what shows them only a digest is kept."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sqlite3
import threading
from collections.abc import Collection, Iterator
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Literal

from comfy.errors import ComfyError

Way = Literal["password", "guest", "proxy", "openid"]

_TABLES = """
create table if not exists sessions (
    key text primary key, name text, way text, proof text, began real, seen real
) without rowid;
create table if not exists tokens (
    key text primary key, id text, name text, way text, label text, made real, used real
) without rowid;
create table if not exists share_link (token text);
"""


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A browser in which somebody has signed in. `key` is the digest of what its cookie holds,
    `proof` what has to be as it was then. Times in seconds since 1970."""

    key: str
    name: str
    way: Way
    proof: str
    began: float
    seen: float


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What shows that a script is somebody's. `key` is its digest, `label` what its owner calls it,
    `used` the time of its last use (0 = never)."""

    key: str
    id: str
    name: str
    way: Way
    label: str
    made: float
    used: float = 0.0


def digest_of(shown: str) -> str:
    """What is kept of a cookie or token. It cannot be guessed, so a plain digest is enough."""
    return hashlib.sha256(shown.encode(errors="replace")).hexdigest()


class SignInStore:
    """All sessions and tokens. Reading is for any thread and asks no disk; what changes something
    does."""

    def __init__(self, path: Path | None = None) -> None:
        """`path`: the file; None for as long as the program runs. ComfyError where it cannot be
        used."""
        self.sessions: dict[str, BrowserSession] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self._lock = threading.Lock()
        self._path = path
        self._touched: set[str] = set()
        with self._said():
            if path is not None:
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._database = sqlite3.connect(
                path or ":memory:", check_same_thread=False, isolation_level=None, timeout=30
            )
            self._database.executescript(_TABLES)
            self._load()

    def close(self) -> None:
        """Write what is not written yet, and let go of the file."""
        self.refresh()
        self._database.close()

    def put_session(self, session: BrowserSession) -> None:
        """Keep a session."""
        with self._changing():
            self._insert("sessions", session)
            self.sessions[session.key] = session

    def end_sessions(self, keys: Collection[str]) -> None:
        """Forget these sessions, now and for good."""
        with self._changing():
            self._delete("sessions", keys)
            for key in keys:
                self.sessions.pop(key, None)

    def put_token(self, token: AccessToken) -> None:
        """Keep a token."""
        with self._changing():
            self._insert("tokens", token)
            self.access_tokens[token.key] = token

    def end_token(self, key: str) -> None:
        """Forget a token, now and for good."""
        with self._changing():
            self._delete("tokens", [key])
            self.access_tokens.pop(key, None)

    def touch(self, key: str, now: float) -> None:
        """Note in memory that a session or token is used; `refresh` writes it."""
        if session := self.sessions.get(key):
            self.sessions[key] = replace(session, seen=now)
        elif token := self.access_tokens.get(key):
            self.access_tokens[key] = replace(token, used=now)
        else:
            return
        self._touched.add(key)

    def refresh(self) -> None:
        """Write when what was used last, and read what another program on this file has changed."""
        with self._changing():
            touched, self._touched = self._touched, set()
            sessions = (self.sessions[key] for key in touched if key in self.sessions)
            tokens = (self.access_tokens[key] for key in touched if key in self.access_tokens)
            seen = [(session.seen, session.key) for session in sessions]
            used = [(token.used, token.key) for token in tokens]
            run = self._database.executemany
            run("update sessions set seen = ?1 where key = ?2 and seen < ?1", seen)
            run("update tokens set used = ?1 where key = ?2 and used < ?1", used)
            self._load()

    def share_link(self) -> str:
        """The token of the link that lets guests in, made when it is first asked for."""
        with self._changing():
            found = self._database.execute("select token from share_link").fetchone()
            if found:
                return str(found[0])
            token = secrets.token_urlsafe(32)
            self._database.execute("insert into share_link values (?)", [token])
            return token

    def end_share_link(self) -> None:
        """Forget the link: the next one is another, and this one's guests are out."""
        with self._changing():
            self._database.execute("delete from share_link")
            self._database.execute("delete from sessions where way = 'guest'")
            self._load()

    def _load(self) -> None:
        rows = self._database.execute
        self.sessions = {row[0]: BrowserSession(*row) for row in rows("select * from sessions")}
        self.access_tokens = {row[0]: AccessToken(*row) for row in rows("select * from tokens")}

    def _insert(self, table: str, what: BrowserSession | AccessToken) -> None:
        places = ",".join("?" * len(fields(what)))
        self._database.execute(f"insert into {table} values ({places})", astuple(what))

    def _delete(self, table: str, keys: Collection[str]) -> None:
        self._database.executemany(f"delete from {table} where key = ?", [(key,) for key in keys])

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock, self._said():
            self._database.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._database.rollback()
                raise
            self._database.commit()

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.OperationalError) as error:
            raise ComfyError(
                f"The file {self._path} could not be used: {error}.",
                "See who may read and write it, or choose another folder (--data).",
            ) from error
        except sqlite3.DatabaseError as error:
            raise ComfyError(
                f"The file {self._path} is damaged.",
                "Delete it: everybody has to sign in again and to make new tokens, then.",
            ) from error
