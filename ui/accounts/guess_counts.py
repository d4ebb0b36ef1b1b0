"""Wrong passwords, counted over all processes of the app. They survive a restart."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from ui.accounts.database import SignInDatabase
from ui.accounts.tables import guesses

FORGOTTEN_AFTER = 900.0  # seconds after the last attempt
GuessKey = tuple[str, ...]


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
