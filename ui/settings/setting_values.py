"""Types of single settings, and their parsers."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from comfy.comfyui.client.address import is_loopback
from comfy.records.api_keys import api_key_problem
from comfy.webhooks.address import check_secret, named_host
from ui.settings.named_servers import OWN, HomePath, read_secrets

_PATH = re.compile(r"\A(/[\w.~-]+)*", re.ASCII)
_ORIGIN = re.compile(
    r"(?P<origin>https?://(?P<host>[^/:@\[\]]+|\[[0-9a-f:]+\])(?::\d{1,5})?)/?", re.ASCII
)
_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_PATH_OR_ADDRESS = re.compile(r"(https?:/)?/[!-~]+", re.ASCII)
_PEOPLE = re.compile(r"\A(?:\*|(group|user):.+|[^@:*]*@[^@]+)")

_YEAR = 366 * 24 * 3600  # seconds; threads don't support longer waits

Permission = Literal["yes", "no", "auto", "operators"]
YesNo = Literal["yes", "no"]
Previews = Literal["fitted", "original"]
LogFormat = Literal["text", "json"]
NamedPassword = tuple[str, SecretStr]
Days = Annotated[float, Field(gt=0, le=400, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=_YEAR, allow_inf_nan=False)]


def _words(value: object) -> object:
    return (
        [word.strip() for word in value.split(",") if word.strip()]
        if isinstance(value, str)
        else value
    )


def _users(value: object) -> object:
    """Return the `NAME:PASSWORD` pairs in a text, separated by commas or lines."""
    return (
        _pairs([part for line in _lines(value) for part in line.split(",")])
        if isinstance(value, str)
        else value
    )


def _users_in_file(value: object) -> object:
    """Return the pairs in the file with this name, one per line, so a password may contain
    commas."""
    return _pairs(_lines(read_secrets(Path(value)))) if isinstance(value, str | Path) else value


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _pairs(parts: Sequence[str]) -> list[tuple[str, str]]:
    pairs = [
        (name.strip(), password) for name, _, password in (part.partition(":") for part in parts)
    ]
    if not all(name and name.isprintable() and password for name, password in pairs):
        raise PydanticCustomError(
            OWN, "write NAME:PASSWORD for each user, separated by commas or lines."
        )
    if len(dict(pairs)) < len(pairs):
        raise PydanticCustomError(OWN, "a name appears twice.")
    return pairs


def _path_prefix(value: str) -> str:
    prefix = value.rstrip("/")
    if not _PATH.fullmatch(prefix):
        raise PydanticCustomError(
            OWN,
            "write a path that starts with a slash, like /forms; only letters, digits and -._~/.",
        )
    return prefix


def host_setting(value: str) -> str:
    """Return a host name or address in lower case and without IPv6 brackets. Raises
    PydanticCustomError for a value with a scheme or a port."""
    name = value.lower().rstrip(".")
    if not _is_address(name) and not _HOST.fullmatch(name):
        raise PydanticCustomError(
            OWN, "write host names or addresses without http:// or a port, like forms.example.org."
        )
    return name.strip("[]")


def _origin(value: str) -> str:
    """Return the origin in lower case. It becomes part of a policy, so that only a scheme, a host
    and a port are allowed."""
    site = _ORIGIN.fullmatch(value.lower())
    if site is None or not (_is_address(site["host"].strip("[]")) or _HOST.fullmatch(site["host"])):
        raise PydanticCustomError(
            OWN, "write the addresses of sites without a path, like https://wiki.example.org."
        )
    return site["origin"]


def _proxy(value: str) -> str:
    try:
        return (
            value if value == "*" else str(ip_network(value) if "/" in value else ip_address(value))
        )
    except ValueError as error:
        raise PydanticCustomError(
            OWN, "write addresses or networks, like 10.0.0.7 or 10.0.0.0/8, or *."
        ) from error


def _webhook_host(value: str) -> str:
    try:
        return named_host(value)
    except ValueError as error:
        raise PydanticCustomError(
            OWN, "write hosts without https:// or a path, like hooks.example.org or 10.0.0.7:8000."
        ) from error


def _webhook_secret(value: SecretStr) -> SecretStr:
    try:
        check_secret(value.get_secret_value())
    except ValueError as error:
        raise PydanticCustomError(
            OWN, "write whsec_ and 24 to 64 bytes in base64, the same as at the receivers."
        ) from error
    return value


def _per_day(value: object) -> object:
    if isinstance(value, int):
        return value
    number = str(value).strip().removesuffix("/day")
    if not number.isdecimal():
        raise PydanticCustomError(OWN, "write a number of runs per day, like 20/day.")
    return int(number)


def _api_key(value: SecretStr) -> SecretStr:
    if problem := api_key_problem(value.get_secret_value()):
        raise PydanticCustomError(OWN, problem)
    return value


def _header_name(value: str) -> str:
    if not _HEADER.fullmatch(value):
        raise PydanticCustomError(OWN, "write the name of one header, like X-Forwarded-User.")
    return value


def _issuer(value: str) -> str:
    """Return a provider's URL, as in its own configuration, without a trailing slash; "" for
    none."""
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    safe = host and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
    if not safe or parts.query or parts.fragment or "@" in parts.netloc:
        raise PydanticCustomError(
            OWN, "write an https:// address without a user name, like https://accounts.example.org."
        )
    return value.rstrip("/")


def _no_file(path: Path) -> Path:
    if os.path.isfile(path):  # False also if unknown
        raise PydanticCustomError(OWN, "write the path of the folder, not of a file in it.")
    return path


def _own_path_or_address(value: str) -> str:
    if value and not _PATH_OR_ADDRESS.fullmatch(value):
        raise PydanticCustomError(OWN, "write an address or a path, like /oauth2/sign_out.")
    return value


def _people_rule(value: str) -> str:
    """Check a rule; see `ui.accounts.openid_people.fits`."""
    if not _PEOPLE.fullmatch(value):
        raise PydanticCustomError(
            OWN, "write *, @example.org, anna@example.org, group:NAME or user:NAME."
        )
    return value


PeopleRules = Annotated[
    tuple[Annotated[str, AfterValidator(_people_rule)], ...], NoDecode, BeforeValidator(_words)
]
FolderPath = Annotated[HomePath, AfterValidator(_no_file)]
Issuer = Annotated[str, AfterValidator(_issuer)]
SignOutAddress = Annotated[str, AfterValidator(_own_path_or_address)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(host_setting)], ...], NoDecode, BeforeValidator(_words)
]
WebhookHosts = Annotated[
    tuple[Annotated[str, AfterValidator(_webhook_host)], ...], NoDecode, BeforeValidator(_words)
]
WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(_words)
]
Proxies = Annotated[
    tuple[Annotated[str, AfterValidator(_proxy)], ...], NoDecode, BeforeValidator(_words)
]
Users = Annotated[tuple[NamedPassword, ...], NoDecode, BeforeValidator(_users)]
UsersInFile = Annotated[tuple[NamedPassword, ...], NoDecode, BeforeValidator(_users_in_file)]
PathPrefix = Annotated[str, AfterValidator(_path_prefix)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
PerDay = Annotated[int, BeforeValidator(_per_day), Field(ge=0)]
ComfyKey = Annotated[SecretStr, AfterValidator(_api_key)]


def _is_address(host: str) -> bool:
    """Return whether this is an IP address; IPv6 brackets are allowed."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
