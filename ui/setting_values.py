"""What single settings may be, and how they are read from what was typed."""

from __future__ import annotations

import logging
import os
import re
import stat
import sys
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from ui.named_servers import OWN, unreadable

log = logging.getLogger(__name__)

_YEAR = 366 * 24 * 3600  # seconds; longer waits are beyond what threads can be told to wait

Permission = Literal["yes", "no", "auto", "operators"]
YesNo = Literal["yes", "no"]
Previews = Literal["fitted", "original"]
NamedPassword = tuple[str, SecretStr]


def _words(value: object) -> object:
    return (
        [word.strip() for word in value.split(",") if word.strip()]
        if isinstance(value, str)
        else value
    )


def _users(value: object) -> object:
    """`NAME:PASSWORD` pairs, between commas or lines."""
    return (
        _pairs([part for line in _lines(value) for part in line.split(",")])
        if isinstance(value, str)
        else value
    )


def _users_in_file(value: object) -> object:
    """The pairs in the file of this name, one a line: a password may have commas there."""
    return _pairs(_lines(_read(Path(value)))) if isinstance(value, str | Path) else value


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _pairs(parts: Sequence[str]) -> list[tuple[str, str]]:
    pairs = [
        (name.strip(), password) for name, _, password in (part.partition(":") for part in parts)
    ]
    if not all(name and name.isprintable() and password for name, password in pairs):
        raise PydanticCustomError(
            OWN, "write NAME:PASSWORD for each person, with a comma or a new line between."
        )
    if len(dict(pairs)) < len(pairs):
        raise PydanticCustomError(OWN, "a name stands there twice.")
    return pairs


def _read(path: Path) -> str:
    """The text of a file with passwords; one that everybody at this machine can read is warned
    about."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            warn_if_public(path.name, os.fstat(file.fileno()))
            return file.read()
    except (OSError, ValueError) as error:
        raise unreadable(error) from error


def warn_if_public(name: str, status: os.stat_result) -> None:
    """A line in the log where others at this machine can read a file with passwords; Windows does
    not tell."""
    if sys.platform != "win32" and status.st_mode & stat.S_IROTH:
        log.warning(
            "Everybody at this machine can read the passwords in %s; chmod 600 prevents it.", name
        )


def _path_prefix(value: str) -> str:
    prefix = value.rstrip("/")
    if not re.fullmatch(r"(/[\w.~-]+)*", prefix, re.ASCII):
        raise PydanticCustomError(
            OWN, "a path prefix starts with a slash and has no signs but -._~, like /forms."
        )
    return prefix


def host_setting(value: str) -> str:
    """A name or an address as browsers send it, without a port; an IPv6 address may stand in
    brackets."""
    name = value.lower().rstrip(".")
    if not is_address(name) and not re.fullmatch(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", name):
        raise PydanticCustomError(
            OWN, "write names or addresses without http:// and port, like forms.example.org."
        )
    return name.strip("[]")


def _proxy(value: str) -> str:
    try:
        return (
            value if value == "*" else str(ip_network(value) if "/" in value else ip_address(value))
        )
    except ValueError as error:
        raise PydanticCustomError(
            OWN, "write addresses or networks, like 10.0.0.7 or 10.0.0.0/8, or *."
        ) from error


def _header_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,100}", value):
        raise PydanticCustomError(OWN, "write the name of one header, like X-Forwarded-User.")
    return value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(host_setting)], ...], NoDecode, BeforeValidator(_words)
]
Proxies = Annotated[
    tuple[Annotated[str, AfterValidator(_proxy)], ...], NoDecode, BeforeValidator(_words)
]
Users = Annotated[tuple[NamedPassword, ...], NoDecode, BeforeValidator(_users)]
UsersInFile = Annotated[tuple[NamedPassword, ...], NoDecode, BeforeValidator(_users_in_file)]
PathPrefix = Annotated[str, AfterValidator(_path_prefix)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
Days = Annotated[float, Field(gt=0, le=400, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=_YEAR, allow_inf_nan=False)]


def is_address(host: str) -> bool:
    """Whether this is an IP address, the brackets of IPv6 allowed."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
