"""Browser sessions and script tokens: in memory for requests, in a database for the next start and
for other processes. Only digests of credentials are stored.

Wrong passwords, counted over all processes of the app. They survive a restart.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from ui.accounts import database
from ui.accounts.database import SignInDatabase, guesses

Way = Literal["password", "guest", "proxy", "openid"]
FORGOTTEN_AFTER = 900.0  # seconds after the last attempt
GuessKey = tuple[str, ...]


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
    name for it. `used` is the time of its last use, 0 for never. `scope`: words for what it opens,
    see `ui.accounts.login.PROGRAMS`; "" for everything that its owner can do."""

    key: str
    id: str
    name: str
    way: Way
    proof: str
    label: str
    made: float
    used: float = 0.0
    scope: str = ""


def digest_of(shown: str) -> str:
    """Return the stored digest of a cookie or token. It is unguessable, so a plain
    digest suffices."""
    return hashlib.sha256(shown.encode(errors="replace")).hexdigest()


class SignInStore:
    """Store of all sessions and tokens, and of the share link. Any thread may read, without access
    to the database. Changes access it."""

    def __init__(self, address: str | None = None) -> None:
        """Open the database at a SQLAlchemy URL; None keeps the data in memory. Raises ComfyError
        if it can't be used."""
        self.sessions: dict[str, BrowserSession] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.named: dict[str, float] = {}  # see `note_named`
        self.share_link = ""  # the token of the guests' link, "" without one
        self._touched: set[str] = set()
        self._named: set[str] = set()  # the entries of `named` that aren't written yet
        # Held briefly, because the event loop takes it. Code that writes takes the database's lock
        # first.
        self._memory = threading.Lock()
        self.database = SignInDatabase(address)
        self.refresh()

    def close(self) -> None:
        """Write pending changes and close the database. Raises ComfyError if they can't be
        written."""
        try:
            self.refresh()
        finally:
            self.database.close()

    def put_session(self, session: BrowserSession) -> None:
        with self.database.changing() as rows:
            rows.execute(insert(database.sessions).values(asdict(session)))
            with self._memory:
                self.sessions[session.key] = session

    def end_sessions(self, keys: Collection[str]) -> None:
        if not keys:
            return
        with self.database.changing() as rows:
            _delete(rows, database.sessions, keys)
            with self._memory:
                for key in keys:
                    self.sessions.pop(key, None)

    def put_token(
        self, token: AccessToken, most: int, counts: Callable[[AccessToken], bool]
    ) -> bool:
        """Store a token, unless there are `most` that count. Return whether it was stored."""
        table = database.access_tokens
        with self.database.changing() as rows:
            named = rows.execute(select(table).where(table.c.name == token.name))
            if sum(counts(AccessToken(*row)) for row in named) >= most:
                return False
            rows.execute(insert(database.access_tokens).values(asdict(token)))
            with self._memory:
                self.access_tokens[token.key] = token
        return True

    def end_token(self, key: str) -> None:
        with self.database.changing() as rows:
            _delete(rows, database.access_tokens, [key])
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
        """Note in memory that a proxy named a user, or when the user of an ended session was last
        seen; `refresh` writes it."""
        with self._memory:
            self.named[name] = max(now, self.named.get(name, 0.0))
            self._named.add(name)

    def forget_named(self, before: float) -> None:
        """Delete users whom no proxy has named since then."""
        if all(named >= before for named in list(self.named.values())):
            return
        with self.database.changing() as rows:
            rows.execute(
                delete(database.named_by_proxy).where(database.named_by_proxy.c.named < before)
            )
            with self._memory:
                self.named = {name: at for name, at in self.named.items() if at >= before}

    def refresh_if_changed(self) -> bool:
        """Reload what another process has changed, such as a revoked token. Return whether anything
        had changed. Any thread may call this."""
        if not self.database.has_changed():
            return False
        self.refresh()
        return True

    def refresh(self) -> None:
        """Write the times of last use, and reload everything. Later times win over earlier ones
        from other processes."""
        with self._memory:
            touched, self._touched = self._touched, set()
            named, self._named = self._named, set()
        try:
            with self.database.loading() as rows:
                self._write_uses(rows, touched, named)
                self._load(rows)
        except BaseException:
            with self._memory:
                self._touched |= touched
                self._named |= named
            raise

    def open_share_link(self) -> None:
        """Create the guests' share link, unless it exists."""
        with self.database.changing() as rows:
            token = rows.scalar(select(database.share_link.c.token))
            if token is None:
                token = secrets.token_urlsafe(32)
                rows.execute(insert(database.share_link).values(token=token))
            self.share_link = token

    def end_share_link(self) -> None:
        """Delete the share link and sign its guests out. The next link has a different token."""
        with self.database.changing() as rows:
            rows.execute(delete(database.share_link))
            rows.execute(delete(database.sessions).where(database.sessions.c.way == "guest"))
            with self._memory:
                self.share_link = ""
                self.sessions = {k: one for k, one in self.sessions.items() if one.way != "guest"}

    def _write_uses(self, rows: Connection, touched: set[str], named: set[str]) -> None:
        with self._memory:
            seen = [(key, self.sessions[key].seen) for key in touched if key in self.sessions]
            used = [
                (key, self.access_tokens[key].used) for key in touched if key in self.access_tokens
            ]
            last_named = [(name, self.named[name]) for name in named if name in self.named]
        _write_later(rows, database.sessions, "seen", seen)
        _write_later(rows, database.access_tokens, "used", used)
        known = set(rows.scalars(select(database.named_by_proxy.c.key)))
        by_key = {digest_of(name): (name, at) for name, at in last_named}
        if new := [
            {"key": key, "name": name, "named": at}
            for key, (name, at) in by_key.items()
            if key not in known
        ]:
            rows.execute(insert(database.named_by_proxy), new)
        last_named = [(key, at) for key, (_, at) in by_key.items()]
        _write_later(rows, database.named_by_proxy, "named", last_named)

    def _load(self, rows: Connection) -> None:
        """Reload everything. Uses that aren't written yet replace the older times."""
        every = rows.execute(select(database.sessions))
        sessions = {row.key: BrowserSession(*row) for row in every}
        tokens = {
            row.key: AccessToken(*row) for row in rows.execute(select(database.access_tokens))
        }
        named = {row.name: row.named for row in rows.execute(select(database.named_by_proxy))}
        share_link = rows.scalar(select(database.share_link.c.token)) or ""
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
            self.share_link = share_link


def _delete(rows: Connection, table: Table, keys: Collection[str]) -> None:
    rows.execute(
        delete(table).where(table.c.key == bindparam("ended")), [{"ended": k} for k in keys]
    )


def _write_later(
    rows: Connection, table: Table, column: str, uses: Collection[tuple[str, float]]
) -> None:
    """Write these times of last use, unless a later one is stored."""
    if uses:
        which = (table.c.key == bindparam("of")) & (table.c[column] < bindparam("at"))
        statement = update(table).where(which).values({column: bindparam("at")})
        rows.execute(statement, [{"of": one, "at": at} for one, at in uses])


@dataclass(frozen=True, slots=True)
class Tries:
    """Number of wrong passwords, and the time of the last attempt in seconds since 1970."""

    wrong: int = 0
    last: float = 0.0

    def at(self, now: float) -> Tries:
        """Return the tries that still count."""
        return self if now - self.last < FORGOTTEN_AFTER else Tries()


class GuessCounts:
    """Wrong passwords in the database. It contains only digests of names and addresses, made with
    the app's `secret`, as users may type a password in the place of their name. All methods access
    the database and raise SignInStoreError."""

    def __init__(self, database: SignInDatabase, secret: bytes) -> None:
        self._database = database
        self._secret = secret

    def tries(self, keys: Sequence[GuessKey], now: float) -> list[Tries]:
        """Return the tries of each key that still count."""
        digests = [self._digest(key) for key in keys]
        with self._database.reading() as rows:
            known = _stored(rows, digests)
        return [known.get(key, Tries()).at(now) for key in digests]

    def add(self, keys: Sequence[GuessKey], now: float) -> None:
        """Count a wrong password by each key."""
        digests = [self._digest(key) for key in keys]
        with self._database.writing() as rows:
            known = _stored(rows, digests)
            for key in digests:
                values = {"wrong": known.get(key, Tries()).at(now).wrong + 1, "last": now}
                if key in known:
                    rows.execute(update(guesses).where(guesses.c.key == key).values(values))
                else:
                    rows.execute(insert(guesses).values(key=key, **values))

    def clear(self, key: GuessKey) -> None:
        """Forget the wrong passwords of a key. Writes only if there are any."""
        digest = self._digest(key)
        with self._database.reading() as rows:
            if not _stored(rows, [digest]):
                return
        with self._database.writing() as rows:
            rows.execute(delete(guesses).where(guesses.c.key == digest))

    def forget(self, now: float) -> None:
        """Delete counts that are too old to matter."""
        with self._database.writing() as rows:
            rows.execute(delete(guesses).where(guesses.c.last < now - FORGOTTEN_AFTER))

    def _digest(self, key: GuessKey) -> str:
        return hmac.digest(self._secret, json.dumps(key).encode(), hashlib.sha256).hex()


def _stored(rows: Connection, digests: Sequence[str]) -> dict[str, Tries]:
    stored = rows.execute(select(guesses).where(guesses.c.key.in_(digests)))
    return {row.key: Tries(row.wrong, row.last) for row in stored}
