"""The app's secret: signs cookies, and derives unguessable names."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from comfy.base.errors import ComfyError
from comfy.webhooks.waiting import check_secret, new_secret

SIZE = 32  # bytes
_OTHER_FOLDER = "Check its permissions, or choose another folder (--data)."


def kept_secret(folder: Path) -> bytes:
    """Return the secret of all programs that use this folder; the first program creates it.

    Raises ComfyError if it can be neither read nor written.
    """
    path = folder / "secret"
    secret = _kept(path, lambda: secrets.token_bytes(SIZE))
    if len(secret) < SIZE:
        raise ComfyError(
            f"The file {path} is damaged.", "Delete it. All users must then sign in again."
        )
    return secret


def kept_webhook_secret(folder: Path) -> str:
    """Return the secret with which all programs on this folder sign webhooks, in the receivers'
    format. Raises the errors of `kept_secret`."""
    path = folder / "webhook_secret"
    secret = _kept(path, lambda: f"{new_secret()}\n".encode()).decode(errors="replace").strip()
    try:
        check_secret(secret)
    except ValueError:
        raise ComfyError(
            f"The file {path} is damaged.", "Delete it, and give receivers the new secret."
        ) from None
    return secret


def kept_key_secret(folder: Path) -> bytes:
    """Return the secret that encrypts users' API keys (32 bytes). It isn't in backups, so a backup
    reveals no key. Raises the errors of `kept_secret`."""
    return _kept(folder / "key_secret", lambda: secrets.token_bytes(SIZE))[:SIZE].ljust(SIZE)


def derived(secret: bytes, purpose: str) -> bytes:
    """Return a secret for one purpose (32 bytes), which reveals nothing about other purposes."""
    return hmac.digest(secret, purpose.encode(), hashlib.sha256)


def _kept(path: Path, create: Callable[[], bytes]) -> bytes:
    """Return the content of a file that the first program creates. Raises ComfyError."""
    try:
        with FileLock(path.with_suffix(".lock"), mode=0o600):
            if not path.exists():
                _write(path, create())
            return path.read_bytes()
    except OSError as error:
        raise ComfyError(
            f"The file {path} could not be used: {error.strerror}.", _OTHER_FOLDER
        ) from error


def _write(path: Path, secret: bytes) -> None:
    """Write a file atomically, readable for this account only."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
