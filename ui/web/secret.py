"""The secret of an app: it signs with it what browsers keep, and makes names from it that nobody
can guess."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from filelock import FileLock

from comfy.errors import ComfyError

SIZE = 32  # bytes
_OTHER_FOLDER = "See who may read it, or choose another folder (--data)."


def kept_secret(folder: Path) -> bytes:
    """The secret of all programs that work on this folder, made when the first of them asks for it.

    Raises ComfyError where it can be neither read nor written.
    """
    path = folder / "secret"
    try:
        with FileLock(folder / "secret.lock", mode=0o600):
            if not path.exists():
                _write(path, secrets.token_bytes(SIZE))
            secret = path.read_bytes()
    except OSError as error:
        raise ComfyError(
            f"The file {path} could not be used: {error.strerror}.", _OTHER_FOLDER
        ) from error
    if len(secret) < SIZE:
        raise ComfyError(
            f"The file {path} is damaged.", "Delete it: everybody has to log in again, then."
        )
    return secret


def derived(secret: bytes, purpose: str) -> bytes:
    """A secret for one purpose (32 bytes): what is made with it says nothing about another's."""
    return hmac.digest(secret, purpose.encode(), hashlib.sha256)


def _write(path: Path, secret: bytes) -> None:
    """Write all of it or nothing, readable for this account only."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
