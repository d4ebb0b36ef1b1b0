"""Wrong passwords, counted over all processes of the app. They survive a restart."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

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

    def count(
        self, keys: Sequence[GuessKey], now: float, wait: Callable[[Tries], float]
    ) -> tuple[float, list[Tries]]:
        """Count an attempt by each key as a wrong password, unless `wait` of the first key's tries
        returns seconds to wait. Return these seconds, and the tries of each key."""
        digests = [self._digest(key) for key in keys]
        with self._database.writing() as rows:
            stored = rows.execute(select(guesses).where(guesses.c.key.in_(digests)))
            known = {row.key: Tries(row.wrong, row.last) for row in stored}
            tries = [known.get(key, Tries()).at(now) for key in digests]
            if seconds := wait(tries[0]):
                return seconds, tries
            tries = [Tries(one.wrong + 1, now) for one in tries]
            for key, one in zip(digests, tries, strict=True):
                values = {"wrong": one.wrong, "last": one.last}
                if key in known:
                    rows.execute(update(guesses).where(guesses.c.key == key).values(values))
                else:
                    rows.execute(insert(guesses).values(key=key, **values))
            return 0.0, tries

    def right(self, key: GuessKey, address: GuessKey) -> None:
        """Forget the wrong passwords of a key, and one of those at an address."""
        with self._database.writing() as rows:
            rows.execute(delete(guesses).where(guesses.c.key == self._digest(key)))
            left = (guesses.c.key == self._digest(address)) & (guesses.c.wrong > 0)
            rows.execute(update(guesses).where(left).values(wrong=guesses.c.wrong - 1))

    def forget(self, now: float) -> None:
        """Delete counts that are too old to matter."""
        with self._database.writing() as rows:
            rows.execute(delete(guesses).where(guesses.c.last < now - FORGOTTEN_AFTER))

    def _digest(self, key: GuessKey) -> str:
        return hmac.digest(self._secret, json.dumps(key).encode(), hashlib.sha256).hex()
