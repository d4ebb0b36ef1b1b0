"""What the operator decides: each setting, its default, and what it may be. `ui/arguments.py` reads
them."""

from __future__ import annotations

import logging
import os
import re
import stat
import sys
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from comfy.client.address import ServerAddress, is_loopback
from comfy.errors import ComfyError
from ui.folders import ON_A_SPACE, data_folder, workflow_folder
from ui.named_servers import OWN, File, Header, Servers, named_addresses, unreadable

log = logging.getLogger(__name__)

PREFIX = "COMFYFORMS_"
_YEAR = 366 * 24 * 3600  # seconds; longer waits are beyond what threads can be told to wait

Permission = Literal["yes", "no", "auto", "operators"]
Retry = Literal["yes", "no"]
Previews = Literal["fitted", "original"]
_CHOICES = "|".join(get_args(Permission))
User = tuple[str, SecretStr]
REPEATED = frozenset({"server"})  # what may be given several times on a command line
SECRET = frozenset({"server", "server_token", "server_header", "login", "database"})


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


def _host_name(value: str) -> str:
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


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(_host_name)], ...], NoDecode, BeforeValidator(_words)
]
Proxies = Annotated[
    tuple[Annotated[str, AfterValidator(_proxy)], ...], NoDecode, BeforeValidator(_words)
]
Users = Annotated[tuple[User, ...], NoDecode, BeforeValidator(_users)]
UsersInFile = Annotated[tuple[User, ...], NoDecode, BeforeValidator(_users_in_file)]
PathPrefix = Annotated[str, AfterValidator(_path_prefix)]
Seconds = Annotated[float, Field(ge=0, le=_YEAR, allow_inf_nan=False)]


class Settings(BaseSettings):
    """What the operator decides. Secrets show themselves as stars wherever they are printed."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
    )

    # `title` is what --help calls the value.
    config: File | None = Field(
        None,
        title="FILE",
        description=(
            "a TOML file with settings under these names (server_token = …); options and variables"
            " go before it"
        ),
    )
    server: Servers = Field(
        (),
        title="URL",
        description=(
            "ComfyUI's address, may be repeated; without one, 127.0.0.1:8188 if it answers, else a"
            " stand-in"
        ),
    )
    server_token: SecretStr | None = Field(
        None, title="TOKEN", description="sent to ComfyUI as 'Authorization: Bearer TOKEN'"
    )
    server_header: Header | None = Field(
        None,
        title="NAME:VALUE",
        description="a header sent to ComfyUI with everything, as 'X-Api-Key: secret'",
    )
    server_ca: File | None = Field(
        None, title="FILE", description="certificates by which ComfyUI's own is trusted, in PEM"
    )
    workflows: Path = Field(workflow_folder(), title="DIR", description="folder of workflow files")
    host: Annotated[str, AfterValidator(_host_name)] = Field(
        "0.0.0.0" if ON_A_SPACE else "127.0.0.1",
        title="ADDRESS",
        description="address to listen on; 0.0.0.0 = the whole network",
    )
    port: int = Field(
        7860, ge=0, le=65535, title="PORT", description="port to listen on; 0 = any that is free"
    )
    root_path: PathPrefix = Field(
        "", title="/PATH", description="path prefix when a proxy serves the app below one"
    )
    hosts: Hosts = Field(
        (),
        title="NAME,NAME…",
        description=(
            "names by which browsers may address the app; own addresses are always among them"
        ),
    )
    trusted_proxies: Proxies = Field(
        ("*",) if ON_A_SPACE else ("127.0.0.1", "::1"),
        title="ADDRESS,ADDRESS…",
        description=(
            "proxies that are believed when they tell for whom they ask; networks too, * = all"
        ),
    )
    open: Permission = Field(
        "auto",
        title=_CHOICES,
        description=(
            "may people open workflows of their own; auto = if only this machine can reach the app"
        ),
    )
    keep: Permission = Field(
        "auto",
        title=_CHOICES,
        description="may they add those to the folder of workflows, for everybody",
    )
    operators: Words = Field(
        (), title="NAME,NAME…", description="names with a login to which 'operators' applies"
    )
    open_nodes: File | None = Field(
        None,
        title="FILE",
        description="the node classes that opened workflows may use, one a line; without this, any",
    )
    login: Users = Field(
        (),
        title="NAME:PASSWORD,…",
        description=(
            "who may use the app, else everybody; other people at this machine see what a command"
            " line says, so use the variable or --login-file"
        ),
    )
    login_file: UsersInFile = Field(
        (), title="FILE", description="the same, one NAME:PASSWORD a line"
    )
    retry: Retry = Field(
        "yes",
        title="|".join(get_args(Retry)),
        description=(
            "begin a run once more on another server if the one that was at work on it goes away"
        ),
    )
    grace: Seconds = Field(
        30.0, title="SECONDS", description="how long a run goes on after its page was closed"
    )
    finish: Seconds = Field(
        0.0, title="SECONDS", description="how long runs may go on when the app is told to end"
    )
    previews: Previews = Field(
        "fitted",
        title="|".join(get_args(Previews)),
        description="over links too slow for them: made smaller, or always as ComfyUI sends them",
    )
    data: Path = Field(
        data_folder(), title="DIR", description="folder for the history and the results"
    )
    database: SecretStr | None = Field(
        None,
        title="URL",
        description="where the history is instead, as SQLAlchemy writes it: postgresql+psycopg://…",
    )
    keep_days: float = Field(
        30.0, gt=0, le=36_500, title="DAYS", description="results that are older are removed"
    )
    keep_gb: float = Field(
        20.0,
        gt=0,
        le=1_000_000,
        title="GB",
        description="size of all results together; the oldest are removed",
    )
    waiting: int = Field(
        30, ge=1, title="RUNS", description="unfinished runs that one person may have"
    )
    hourly: int = Field(
        1000, ge=1, title="RUNS", description="runs that one person may start in an hour"
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Settings:
        problems = []
        if self.login and self.login_file:
            problems.append("--login and --login-file: give one of them.")
        if "operators" in (self.open, self.keep) and not self.operators:
            problems.append("--open operators and --keep operators need --operators NAME,NAME.")
        if set(self.operators) - {name for name, _ in self.users}:
            problems.append("--operators: each of them needs a login; see --login-file.")
        try:
            self.server_addresses  # noqa: B018 - read once, to refuse what is none
        except ComfyError as problem:
            problems.append(f"--server: {problem} {problem.hint}")
        if problems:
            raise PydanticCustomError(OWN, "\n".join(problems))
        return self

    @property
    def server_addresses(self) -> tuple[ServerAddress, ...]:
        """The addresses of all ComfyUI servers and how to log in there; () = none is named."""
        told = self.server_token, self.server_header, self.server_ca
        return named_addresses(self.server, *told)

    @property
    def users(self) -> tuple[tuple[str, str], ...]:
        """(name, password) of all who may log in; empty = nobody has to."""
        return tuple(
            (name, password.get_secret_value()) for name, password in self.login or self.login_file
        )

    @property
    def only_this_machine(self) -> bool:
        """Whether nobody but people at this machine can reach the app, as far as its settings tell.

        Prefix, names and proxies of its own speak of a proxy in front of it.
        """
        shared = (
            self.root_path or self.hosts or "trusted_proxies" in self.model_fields_set or ON_A_SPACE
        )
        return is_loopback(self.host) and not shared

    def permits(self, permission: Permission, owner: str) -> bool:
        """Whether this person (`user:NAME` with a login) may do what `open` or `keep` is about."""
        match permission:
            case "auto":
                return self.only_this_machine
            case "operators":
                return owner in {f"user:{name}" for name in self.operators}
            case word:
                return word == "yes"


def is_address(host: str) -> bool:
    """Whether this is an IP address, the brackets of IPv6 allowed."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
