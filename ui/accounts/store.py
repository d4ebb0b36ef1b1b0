"""Browser sessions and script tokens: in memory for requests, in a file for the next start. Only
digests of credentials are stored."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Collection
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from sqlite3 import Connection
from typing import Literal

from ui.accounts.database import SignInDatabase

Way = Literal["password", "guest", "proxy", "openid"]

_TABLES = """
create table if not exists sessions (
    key text primary key, name text, way text, proof text, began real, seen real
) without rowid;
create table if not exists access_tokens (
    key text primary key, id text, name text, way text, proof text, label text, made real, used real
) without rowid;
create table if not exists share_link (token text);
create table if not exists named_by_proxy (name text primary key, named real) without rowid;
"""


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """Signed-in browser. `key` is the digest of its cookie's value. `proof` must stay unchanged.
    Times are in seconds since 1970."""

    key: str
    name: str
    way: Way
    proof: str
    began: float
    seen: float


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A script's token. `key` is its digest. `proof` must stay unchanged. `label` is its owner's
    name for it. `used` is the time of its last use, 0 for never."""

    key: str
    id: str
    name: str
    way: Way
    proof: str
    label: str
    made: float
    used: float = 0.0


def digest_of(shown: str) -> str:
    """Return the stored digest of a cookie or token. It is unguessable, so a plain
    digest suffices."""
    return hashlib.sha256(shown.encode(errors="replace")).hexdigest()


class SignInStore:
    """Store of all sessions and tokens. Any thread may read, without disk access. Changes access
    the disk."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the file at `path`; None keeps the data in memory. Raises ComfyError if the file
        can't be used."""
        self.sessions: dict[str, BrowserSession] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.named: dict[str, float] = {}  # when a proxy last named each user
        self._touched: set[str] = set()
        self._named: set[str] = set()  # the entries of `named` that aren't written yet
        # Held briefly, because the event loop takes it. Code that writes the file takes the file's
        # lock first.
        self._memory = threading.Lock()
        self._database = SignInDatabase(path, _TABLES)
        self._version = self._database.version()
        with self._database.changing() as rows:
            self._load(rows)

    def close(self) -> None:
        """Write pending changes and close the file. Raises ComfyError if it can't be written."""
        try:
            self.refresh()
        finally:
            self._database.close()

    def put_session(self, session: BrowserSession) -> None:
        """Store a session."""
        with self._database.changing() as rows:
            _insert(rows, "sessions", session)
            with self._memory:
                self.sessions[session.key] = session

    def end_sessions(self, keys: Collection[str]) -> None:
        """Delete these sessions."""
        with self._database.changing() as rows:
            _delete(rows, "sessions", keys)
            with self._memory:
                for key in keys:
                    self.sessions.pop(key, None)

    def put_token(self, token: AccessToken) -> None:
        """Store a token."""
        with self._database.changing() as rows:
            _insert(rows, "access_tokens", token)
            with self._memory:
                self.access_tokens[token.key] = token

    def end_token(self, key: str) -> None:
        """Delete a token."""
        with self._database.changing() as rows:
            _delete(rows, "access_tokens", [key])
            with self._memory:
                self.access_tokens.pop(key, None)

    def end_tokens(self, ids: Collection[str]) -> int:
        """Delete the tokens with these ids, of any user. Return how many existed."""
        with self._memory:
            keys = [key for key, token in self.access_tokens.items() if token.id in ids]
        for key in keys:
            self.end_token(key)
        return len(keys)

    def touch(self, key: str, now: float) -> None:
        """Note in memory that a session or token was used; `refresh` writes it."""
        with self._memory:
            if session := self.sessions.get(key):
                self.sessions[key] = replace(session, seen=now)
            elif token := self.access_tokens.get(key):
                self.access_tokens[key] = replace(token, used=now)
            else:
                return
            self._touched.add(key)

    def note_named(self, name: str, now: float) -> None:
        """Note in memory that a proxy named a user; `refresh` writes it."""
        with self._memory:
            self.named[name] = now
            self._named.add(name)

    def forget_named(self, before: float) -> None:
        """Delete users whom no proxy has named since then."""
        with self._database.changing() as rows:
            rows.execute("delete from named_by_proxy where named < ?", [before])
            self._load(rows)

    def refresh_if_changed(self) -> bool:
        """Reload what another program has changed, such as a revoked token. Return whether anything
        had changed."""
        version = self._database.version()
        if version == self._version:
            return False
        self.refresh()
        self._version = version  # read first: later changes are found the next time
        return True

    def refresh(self) -> None:
        """Write the times of last use, and read changes by another program that uses this file."""
        with self._database.changing() as rows:
            with self._memory:
                touched, self._touched = self._touched, set()
                named = [(name, self.named[name]) for name in self._named]
                self._named = set()
            sessions = (self.sessions[key] for key in touched if key in self.sessions)
            tokens = (self.access_tokens[key] for key in touched if key in self.access_tokens)
            seen = [(session.seen, session.key) for session in sessions]
            used = [(token.used, token.key) for token in tokens]
            run = rows.executemany
            run("update sessions set seen = ?1 where key = ?2 and seen < ?1", seen)
            run("update access_tokens set used = ?1 where key = ?2 and used < ?1", used)
            run(
                "insert into named_by_proxy values (?, ?)"
                " on conflict (name) do update set named = max(named, excluded.named)",
                named,
            )
            self._load(rows)

    def share_link(self) -> str:
        """Return the token of the guests' share link. Creates it at the first request."""
        with self._database.changing() as rows:
            row = rows.execute("select token from share_link").fetchone()
            if row:
                return str(row[0])
            token = secrets.token_urlsafe(32)
            rows.execute("insert into share_link values (?)", [token])
            return token

    def end_share_link(self) -> None:
        """Delete the share link and sign its guests out. The next link has a different token."""
        with self._database.changing() as rows:
            rows.execute("delete from share_link")
            rows.execute("delete from sessions where way = 'guest'")
            self._load(rows)

    def _load(self, rows: Connection) -> None:
        """Reload everything. Uses that aren't written yet replace the older times in the file."""
        sessions = {row[0]: BrowserSession(*row) for row in rows.execute("select * from sessions")}
        tokens = {row[0]: AccessToken(*row) for row in rows.execute("select * from access_tokens")}
        named = dict(rows.execute("select name, named from named_by_proxy"))
        with self._memory:
            named |= {name: self.named[name] for name in self._named}
            for key in self._touched:
                if key in sessions and key in self.sessions:
                    seen = max(sessions[key].seen, self.sessions[key].seen)
                    sessions[key] = replace(sessions[key], seen=seen)
                elif key in tokens and key in self.access_tokens:
                    used = max(tokens[key].used, self.access_tokens[key].used)
                    tokens[key] = replace(tokens[key], used=used)
            self.sessions, self.access_tokens, self.named = sessions, tokens, named


def _insert(rows: Connection, table: str, what: BrowserSession | AccessToken) -> None:
    places = ",".join("?" * len(fields(what)))
    rows.execute(f"insert into {table} values ({places})", astuple(what))


def _delete(rows: Connection, table: str, keys: Collection[str]) -> None:
    rows.executemany(f"delete from {table} where key = ?", [(key,) for key in keys])
