"""Addresses of single files, which open nothing else and need no token."""

from __future__ import annotations

import base64
import json
import time

from cryptography.fernet import Fernet, InvalidToken

from comfy.base.json_values import parse_json


class FileAddresses:
    """Seals the owner and id of an asset, so that the address reveals neither and can't be made by
    others. `key`: the secret of this purpose, 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._box = Fernet(base64.urlsafe_b64encode(key))

    def sealed(self, owner: str, asset_id: str, until: float) -> str:
        """Return the last part of an address that is valid until this time, in seconds since
        1970."""
        return self._box.encrypt(json.dumps([owner, asset_id, until]).encode()).decode()

    def opened(self, sealed: str) -> tuple[str, str] | None:
        """Return the owner and id; None if it isn't ours, or has ended."""
        try:
            owner, asset_id, until = parse_json(self._box.decrypt(sealed.encode()))
        except InvalidToken:
            return None
        return (owner, asset_id) if time.time() < until else None
