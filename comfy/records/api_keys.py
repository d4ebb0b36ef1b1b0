"""Comfy.org API keys that pay for paid runs: the app's, and users' own.

A key is only read to send it with a run. It is never in a record, an answer or a log line.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr
from sqlalchemy import Engine, delete, select

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.records.tables import api_keys, digest, reading, replace_row, transaction

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

_KEY = re.compile(r"[!-~]{8,500}", re.ASCII)

KeySource = Literal["own", "app", ""]


class ApiKeys:
    """The app's key, and the owners' own keys, encrypted in the history's database. Thread-safe.
    Methods raise ComfyError if the database or the secret can't be used."""

    def __init__(
        self, engine: Engine, secret: Callable[[], bytes], app_key: SecretStr | None = None
    ) -> None:
        """`secret`: returns the 32 bytes that encrypt keys; called when the first key is used."""
        self._engine, self._secret, self._app_key = engine, secret, app_key

    def of(self, owner: str) -> str | None:
        """Return the key for an owner's paid runs: their own, otherwise the app's, if any."""
        own = self._own(owner)
        if own is None and self._app_key is not None:
            return self._app_key.get_secret_value()
        return own

    def source(self, owner: str) -> KeySource:
        """Return which key pays an owner's runs; "" without one."""
        if self._own(owner) is not None:
            return "own"
        return "" if self._app_key is None else "app"

    def put(self, owner: str, key: str) -> None:
        """Store an owner's own key. Raises ComfyError for a text that can't be a key."""
        if api_key_problem(key):
            raise ComfyError(
                message("This can't be a comfy.org API key."), message("Copy it again.")
            )
        encrypted = self._cipher().encrypt(key.encode()).decode()
        with transaction(self._engine) as connection:
            row = {"owner": digest(owner), "name": json.dumps(owner), "encrypted": encrypted}
            replace_row(connection, api_keys, row)

    def remove(self, owner: str) -> None:
        """Delete an owner's own key."""
        with transaction(self._engine) as connection:
            connection.execute(delete(api_keys).where(api_keys.c.owner == digest(owner)))

    def forget(self, is_removed: Callable[[str], bool]) -> None:
        """Delete the keys of owners who were removed, so that no later user with the same name gets
        them."""
        with reading(self._engine) as connection:
            owners = [json.loads(name) for name in connection.scalars(select(api_keys.c.name))]
        for owner in filter(is_removed, owners):
            self.remove(owner)

    def _own(self, owner: str) -> str | None:
        """Return an owner's own key; None without one that can be decrypted, as after a restore of
        a backup."""
        stored = select(api_keys.c.encrypted).where(api_keys.c.owner == digest(owner))
        with reading(self._engine) as connection:
            encrypted = connection.scalar(stored)
        if encrypted is None:
            return None
        from cryptography.fernet import InvalidToken

        try:
            return self._cipher().decrypt(encrypted).decode()
        except InvalidToken:
            return None

    def _cipher(self) -> Fernet:
        from cryptography.fernet import Fernet  # not needed by apps without keys

        return Fernet(base64.urlsafe_b64encode(self._secret()))


def api_key_problem(key: str) -> str:
    """Return why a text can't be an API key, "" if it can."""
    return "" if _KEY.fullmatch(key) else "write the key as comfy.org shows it, without spaces."
