"""Hosts that the administrator allows for webhooks, by exact name and port, and signing secrets in
the format of Standard Webhooks 1.0. Pure, for the settings: `waiting` needs the database."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Collection
from ipaddress import IPv6Address

from comfy.base.errors import ComfyError
from comfy.comfyui.client.address import DEFAULT_PORTS

_LONGEST = 2000  # characters


# Match only addresses that every parser reads the same way: no user, no dot at the end of a name.
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:[/?][!-~]*)?",
    re.ASCII | re.IGNORECASE,
)
_PREFIX = "whsec_"
_SIZE = 32  # bytes
_LEAST, _MOST = 24, 64  # bytes, per the specification


class CallbackRefused(ComfyError):
    """Error for an address that webhooks may not use."""


def _host_and_port(url: str) -> str:
    """Return an HTTP or HTTPS address's host and port, such as `hooks.example.org:443`. Raises
    ValueError for an address that two programs might parse differently."""
    parts = _ADDRESS.fullmatch(url)
    if parts is None or "\\" in url or "#" in url or len(url) > _LONGEST:
        raise ValueError("not a plain address")
    scheme, v6, name, port = parts.group("scheme", "v6", "name", "port")
    number = int(port or DEFAULT_PORTS[scheme.lower()])
    if not 0 < number <= 65535:
        raise ValueError("no port")
    host = f"[{IPv6Address(v6)}]" if v6 else name.lower()
    return f"{host}:{number}"


def named_host(text: str) -> str:
    """Return a host from a setting, such as `hooks.example.org` (port 443) or `10.0.0.7:8000`, in
    the form of `_host_and_port`. Raises ValueError for anything else."""
    if "/" in text or "?" in text:
        raise ValueError("not just a host")
    return _host_and_port(f"https://{text}")


def allowed_host(url: object, hosts: Collection[str]) -> str:
    """Return the host and port of an address if `hosts` has them. Raises CallbackRefused
    otherwise."""
    if not hosts:
        raise CallbackRefused(
            "Webhooks are turned off.",
            "Ask the administrator to allow your host (--webhook-hosts).",
        )
    try:
        host = _host_and_port(url if isinstance(url, str) else "")
    except ValueError:
        raise CallbackRefused(
            "“callback” is not a valid webhook address.",
            "Write it like https://hooks.example.org/runs, without a user name or password.",
        ) from None
    if host not in hosts:
        raise CallbackRefused(
            f"Webhooks to {host} aren't allowed.",
            "Ask the administrator to allow your host (--webhook-hosts).",
        )
    return host


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
