"""The settings of the app: arguments, else COMFYFORMS_… variables, else the defaults. Each is checked here, once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, FilePath, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, CliApp, NoDecode, SettingsConfigDict

from comfy.address import ServerAddress, named_server
from comfy.address import is_loopback as is_loopback  # for the rest of ui
from comfy.errors import ComfyError

PREFIX = "COMFYFORMS_"
ROOT = Path(__file__).parent.parent
ON_A_SPACE = "SPACE_ID" in os.environ  # Hugging Face sets it
USAGE_ERROR = 2

Permission = Literal["yes", "no", "auto", "operators"]
User = tuple[str, SecretStr]


def _words(value: object) -> object:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _users(value: object) -> object:
    """`NAME:PASSWORD` pairs. The error repeats nothing of what was typed: some of it is a password."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition(":") for part in value.replace("\n", ",").split(",") if part.strip()]
    users = [(name.strip(), password) for name, _, password in pairs]
    if not all(name and password for name, password in users):
        raise PydanticCustomError("users", "write NAME:PASSWORD, and a comma or a new line between two of them.")
    if len({name for name, _ in users}) < len(users):
        raise PydanticCustomError("users", "a name stands there twice.")
    return users


def _header(value: SecretStr) -> SecretStr:
    name, colon, content = value.get_secret_value().partition(":")
    if not (colon and name.strip().isascii() and content.strip()) or not value.get_secret_value().isprintable():
        raise PydanticCustomError("header", "write it like 'X-Api-Key: secret'.")
    return value


def _path_prefix(value: str) -> str:
    if value and not value.startswith("/"):
        raise PydanticCustomError("prefix", "a path prefix starts with a slash, like /forms.")
    return value.rstrip("/")


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Users = Annotated[tuple[User, ...], NoDecode, BeforeValidator(_users)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """What the operator decides. Secrets show themselves as stars wherever they are printed."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        cli_prog_name="app.py",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
    )

    server: SecretStr | None = Field(
        None, description="ComfyUI's address; without one, 127.0.0.1:8188 if it answers, else a stand-in"
    )
    server_token: SecretStr | None = Field(None, description="sent to ComfyUI as 'Authorization: Bearer …'")
    server_header: Annotated[SecretStr, AfterValidator(_header)] | None = Field(
        None, description="a header sent to ComfyUI with everything, as 'X-Api-Key: secret'"
    )
    server_ca: FilePath | None = Field(None, description="certificates that ComfyUI's own is trusted by (PEM file)")
    workflows: Path = Field(ROOT / "workflows", description="folder of workflow files")
    host: str = Field(
        "0.0.0.0" if ON_A_SPACE else "127.0.0.1", description="address to listen on; 0.0.0.0 = the whole network"
    )
    port: int = Field(7860, ge=0, le=65535, description="port to listen on")
    root_path: Annotated[str, AfterValidator(_path_prefix)] = Field(
        "", description="path prefix when a proxy serves the app below one"
    )
    hosts: Words = Field(
        (), description="names by which browsers may address the app, with commas; own addresses are always among them"
    )
    trusted_proxies: Words = Field(
        ("*",) if ON_A_SPACE else ("127.0.0.1", "::1"),
        description="addresses of proxies that are believed when they tell for whom they ask",
    )
    open: Permission = Field(
        "auto", description="may people open workflows of their own; auto = if only this machine can reach the app"
    )
    keep: Permission = Field("auto", description="may they add those to the folder, for everybody")
    operators: Words = Field((), description="names with a login to which 'operators' applies")
    open_nodes: FilePath | None = Field(
        None, description="file with the node classes that opened workflows may use, one a line; without one, any"
    )
    login: Users = Field((), description="who may use the app, as NAME:PASSWORD,NAME:PASSWORD; empty = everybody")
    login_file: FilePath | None = Field(None, description="the same from a file, one NAME:PASSWORD a line")
    grace: Seconds = Field(30.0, description="seconds a run goes on after its page was closed")
    finish: Seconds = Field(0.0, description="seconds that runs may go on when the app is told to end")
    data: Path = Field(ROOT / "data", description="folder for the history and the results")
    database: SecretStr | None = Field(
        None, description="where the history is instead, as SQLAlchemy writes it: postgresql+psycopg://…"
    )
    keep_days: Positive = Field(30.0, description="days after which results are removed")
    keep_gb: Positive = Field(20.0, description="size of all results together; the oldest are removed")
    waiting: int = Field(30, ge=1, description="unfinished runs that one person may have")
    hourly: int = Field(1000, ge=1, description="runs that one person may start in an hour")

    @model_validator(mode="after")
    def _belongs_together(self) -> Settings:
        if self.login and self.login_file:
            raise PydanticCustomError("login", "--login and --login-file: give one of them.")
        if "operators" in (self.open, self.keep) and not self.operators:
            raise PydanticCustomError("operators", "--open operators and --keep operators need --operators NAME,NAME.")
        known = {name for name, _ in self.users}
        if unknown := [name for name in self.operators if name not in known]:
            raise PydanticCustomError("operators", f"--operators: {', '.join(unknown)} cannot log in; see --login.")
        try:
            self.server_address  # noqa: B018 - read once, to refuse what is none
        except ComfyError as problem:
            raise PydanticCustomError("server", f"--server: {problem} {problem.hint}") from None
        return self

    @property
    def server_address(self) -> ServerAddress | None:
        """ComfyUI's address and how to log in there; None = none is named."""
        secrets = (self.server, self.server_token, self.server_header)
        text, token, header = (secret.get_secret_value() if secret else None for secret in secrets)
        return named_server(text, token=token, header=header, ca=self.server_ca)

    @property
    def users(self) -> tuple[tuple[str, str], ...]:
        """(name, password) of all who may log in; empty = nobody has to."""
        users = self.login
        if self.login_file:
            users = tuple((n, SecretStr(p)) for n, p in _users(self.login_file.read_text("utf-8")))  # type: ignore[attr-defined]
        return tuple((name, password.get_secret_value()) for name, password in users)

    @property
    def only_this_machine(self) -> bool:
        """Whether nobody but people at this machine can reach the app, as far as its settings tell."""
        behind_a_proxy = bool(self.root_path or self.hosts) or ON_A_SPACE
        return is_loopback(self.host) and not behind_a_proxy

    def permits(self, permission: Permission, owner: str) -> bool:
        """Whether this person (`user:NAME` with a login) may do what `open` or `keep` is about."""
        match permission:
            case "auto":
                return self.only_this_machine
            case "operators":
                return owner in {f"user:{name}" for name in self.operators}
            case word:
                return word == "yes"


def read_settings(arguments: Sequence[str] | None = None) -> Settings:
    """The settings in force; `arguments` default to the program's own. Ends the program where one is wrong."""
    try:
        return CliApp.run(Settings, cli_args=list(sys.argv[1:] if arguments is None else arguments))
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            print(f"app.py: {_sentence(problem)}", file=sys.stderr)
        sys.exit(USAGE_ERROR)


def _sentence(problem: ErrorDetails) -> str:
    """What is wrong with a setting, without what was typed: it may hold a password."""
    if not problem["loc"]:
        return problem["msg"]
    name = str(problem["loc"][0]).lower().removeprefix(PREFIX.lower())
    option = f"--{name.replace('_', '-')}"
    if name in ("open", "keep"):
        *words, last = get_args(Permission)
        return f"{option}: choose {', '.join(words)} or {last}."
    return f"{option}: {problem['msg']}"
