"""Signing secrets of webhooks, in the format of Standard Webhooks 1.0. Pure."""

from __future__ import annotations

import base64
import secrets

_PREFIX = "whsec_"
_SIZE = 32  # bytes
_LEAST, _MOST = 24, 64  # bytes, per the specification


def new_secret() -> str:
    """Return an unguessable secret."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SIZE)).decode()


def check_secret(text: str) -> None:
    """Raise ValueError for an invalid secret, without repeating it."""
    try:
        size = len(base64.b64decode(text.removeprefix(_PREFIX), validate=True))
    except ValueError:
        size = 0
    if not (text.startswith(_PREFIX) and _LEAST <= size <= _MOST):
        raise ValueError("not a webhook secret") from None
