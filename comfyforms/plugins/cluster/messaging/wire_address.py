"""Address of the Redis or Valkey service that carries messages between app processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import SplitResult, unquote, urlsplit

from comfy.base.errors import ComfyError

_PORT = 6379


@dataclass(frozen=True, slots=True)
class WireAddress:
    """Parts of an address. Either `host` and `port` or `path`, a Unix socket, is set.

    `number` keeps the channels of installations apart that share a service. The service itself has
    the same channels in all its databases.
    """

    host: str = ""
    port: int = _PORT
    path: str = ""
    number: int = 0
    encrypted: bool = False
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an address such as `rediss://user:password@redis.example:6379/0`. `redis://` isn't
        encrypted, and `unix:///run/redis.sock` is a local socket. User name and password are
        percent-encoded.

        Raises ComfyError, whose text contains no part of the address.
        """
        try:
            parts = urlsplit(text.strip())
            return cls(
                user=unquote(parts.username or "") or None,
                password=unquote(parts.password or "") or None,
                **_place(parts),
            )
        except ValueError:  # the original message may contain part of a password
            raise ComfyError(
                "This is not the address of a Redis or Valkey service.",
                "Write it like rediss://user:password@redis.example:6379/0. In a password, write"
                " special characters as %2F.",
            ) from None

    @property
    def place(self) -> str:
        """Return the service's name for logs, without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.path or f"{host}:{self.port}"


def _place(parts: SplitResult) -> dict[str, Any]:
    """Return the fields that say where the service is. Raises ValueError."""
    if parts.query or parts.fragment or "@" in parts.path:  # may belong to a password
        raise ValueError
    match parts.scheme:
        case "unix" if not parts.hostname and len(parts.path) > 1:
            return {"path": unquote(parts.path)}
        case "redis" | "rediss" if parts.hostname and parts.port != 0:
            number = parts.path.strip("/") or "0"
            if not number.isdecimal():
                raise ValueError
            return {
                "host": parts.hostname,
                "port": parts.port or _PORT,
                "number": int(number),
                "encrypted": parts.scheme == "rediss",
            }
    raise ValueError
