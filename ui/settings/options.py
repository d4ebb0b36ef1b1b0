"""Settings with their defaults and valid values. `ui/settings/arguments.py` reads them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from comfy.base.errors import ComfyError
from comfy.comfyui.client.address import ServerAddress, is_loopback
from ui.accounts.openid_people import OpenIDSettings, space_openid
from ui.settings.folders import COMMAND, ON_A_SPACE, data_folder, workflow_folder
from ui.settings.named_servers import OWN, Header, HomePath, ReadableFile, Servers, named_addresses
from ui.settings.setting_values import (
    Days,
    FolderPath,
    HeaderName,
    Hosts,
    Issuer,
    LogFormat,
    PathPrefix,
    PeopleRules,
    Permission,
    Previews,
    Proxies,
    Seconds,
    SignOutAddress,
    Users,
    UsersInFile,
    WebhookHosts,
    WebhookSecret,
    Words,
    YesNo,
    host_setting,
)

PREFIX = "COMFYFORMS_"
_CHOICES = "|".join(get_args(Permission))
REPEATED = frozenset({"server"})  # options that can be given several times
SECRET = frozenset(
    {
        "server",
        "server_token",
        "server_header",
        "login",
        "database",
        "webhook_secret",
        "openid_secret",
    }
)
NO_OPTION = frozenset({"openid_secret"})  # other users of the machine could see the option


class Settings(BaseSettings):
    """The administrator's settings. Secrets print as stars."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
    )

    # `title`: the name of the value in --help.
    config: ReadableFile | None = Field(
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
    server_ca: ReadableFile | None = Field(
        None, title="FILE", description="certificates by which ComfyUI's own is trusted, in PEM"
    )
    workflows: FolderPath = Field(
        workflow_folder(), title="DIR", description="folder of workflow files"
    )
    host: Annotated[str, AfterValidator(host_setting)] = Field(
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
    operator_images: YesNo = Field(
        "no",
        title="|".join(get_args(YesNo)),
        description="may operators see the previews of everybody's runs: /operator, the relay",
    )
    open_nodes: ReadableFile | None = Field(
        None,
        title="FILE",
        description="the node classes that opened workflows may use, one a line; without this, any",
    )
    login: Users = Field(
        (),
        title="NAME:PASSWORD,…",
        description="who may use the app, else everybody",
    )
    login_file: UsersInFile = Field(
        (), title="FILE", description="the same, one NAME:PASSWORD a line"
    )
    users: HomePath | None = Field(
        None,
        title="FILE",
        description=(
            f"people with hashed passwords, as `{COMMAND} user add` writes it; if there is one,"
            " everybody has to sign in (default: users.json in the folder of --data)"
        ),
    )
    session_days: Days = Field(30.0, title="DAYS", description="how long a sign-in lasts at most")
    idle_days: Days = Field(
        14.0, title="DAYS", description="how long it lasts while its browser asks for nothing"
    )
    share_link: YesNo = Field(
        "no",
        title="|".join(get_args(YesNo)),
        description=(
            "a link that lets in whoever opens it, as a guest; the app says it at the start. Once"
            " started without, link and guests are gone"
        ),
    )
    user_header: HeaderName = Field(
        "",
        title="NAME",
        description=(
            "the header in which --trusted-proxies name whoever has signed in there, as"
            " X-Forwarded-User"
        ),
    )
    sign_out_address: SignOutAddress = Field(
        "",
        title="ADDRESS",
        description="where people sign out whom --user-header names, as /oauth2/sign_out",
    )
    openid_issuer: Issuer = Field(
        "",
        title="URL",
        description=(
            "OpenID provider where people sign in, as https://accounts.google.com; on a Space with"
            " hf_oauth that is Hugging Face"
        ),
    )
    openid_client: str = Field("", title="ID", description="what it knows the app by")
    openid_secret: SecretStr | None = Field(
        None, title="SECRET", description="what shows that it is the app that asks"
    )
    openid_name: str = Field(
        "", title="NAME", description="what people call the provider (default: its host)"
    )
    openid_allow: PeopleRules = Field(
        (),
        title="WHO,WHO…",
        description=(
            "who of its people may come: anna@example.org, @example.org, group:NAME, user:NAME,"
            " * = all"
        ),
    )
    openid_operators: PeopleRules = Field(
        (), title="WHO,WHO…", description="those among them to whom 'operators' applies"
    )
    openid_scopes: Words = Field(
        ("openid", "profile", "email"), title="NAME,NAME…", description="what it is asked for"
    )
    openid_groups: str = Field(
        "groups", title="NAME", description="the claim in which it tells somebody's groups"
    )
    retry: YesNo = Field(
        "yes",
        title="|".join(get_args(YesNo)),
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
    data: HomePath = Field(
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
    log_format: LogFormat = Field(
        "text",
        title="|".join(get_args(LogFormat)),
        description="the log's lines as text, or each as a JSON object",
    )
    comfy_runner: ReadableFile | None = Field(
        None,
        title="FILE",
        description=(
            "comfy_runner's config.toml; its calls, as /queue and /update/text, are answered then"
        ),
    )
    waiting: int = Field(
        30, ge=1, title="RUNS", description="unfinished runs that one person may have"
    )
    hourly: int = Field(
        1000,
        ge=1,
        title="RUNS",
        description="runs that one person may start in an hour; a batch or chain counts as one",
    )
    upload_mb: int = Field(
        256,
        ge=1,
        le=100_000,
        title="MB",
        description="size of one file that is uploaded; ComfyUI has a limit of its own",
    )

    webhook_hosts: WebhookHosts = Field(
        (),
        title="HOST[:PORT],…",
        description=(
            "where scripts may have webhooks sent when their runs end; a host without a port has"
            " 443. Without this, nowhere"
        ),
    )
    webhook_secret: WebhookSecret | None = Field(
        None,
        title="whsec_…",
        description="what webhooks are signed with (default: in the folder of --data, made once)",
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Settings:
        problems = []
        if self.login and self.login_file:
            problems.append("--login and --login-file: give one of them.")
        others = self.has_users_file or self.user_header
        operators = self.operators or self.openid_operators or others
        if "operators" in (self.open, self.keep) and not operators:
            problems.append(
                "--open operators and --keep operators need --operators NAME,NAME, or operators"
                f" whom {COMMAND} user add NAME --operator has added."
            )
        if set(self.operators) - {name for name, _ in self.pairs} and not others:
            problems.append("--operators: each of them needs a login; see --login-file.")
        if self.user_header and (self.trusts_by_default or "*" in self.trusted_proxies):
            problems.append("--user-header: name the proxies with --trusted-proxies, without *.")
        if self.sign_out_address and not self.user_header:
            problems.append("--sign-out-address is for those whom --user-header names.")
        if self.openid_issuer and not (self.openid_client and self.openid_allow):
            problems.append("--openid-issuer needs --openid-client, and --openid-allow WHO or *.")
        named = self.openid_client or self.openid_allow or self.openid_operators
        if named and self.openid is None:
            problems.append(
                "--openid-client, --openid-allow and --openid-operators need --openid-issuer, or"
                " hf_oauth on a Space."
            )
        if "openid" not in self.openid_scopes:
            problems.append("--openid-scopes: openid has to be among them.")
        try:
            self.server_addresses  # noqa: B018 - reading it refuses an invalid value
        except ComfyError as problem:
            problems.append(f"--server: {problem} {problem.hint}")
        if problems:
            raise PydanticCustomError(OWN, "\n".join(problems))
        return self

    @property
    def server_addresses(self) -> tuple[ServerAddress, ...]:
        """Return the addresses and credentials of all ComfyUI servers; () if the settings name no
        server."""
        credentials = self.server_token, self.server_header, self.server_ca
        return named_addresses(self.server, *credentials)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return the (name, password) pairs of the users in the settings."""
        return tuple(
            (name, password.get_secret_value()) for name, password in self.login or self.login_file
        )

    @property
    def openid(self) -> OpenIDSettings | None:
        """Return the OpenID provider, or None. On a Space the default is Hugging Face."""
        space = space_openid(os.environ) if ON_A_SPACE else None
        if not self.openid_issuer:
            return space and replace(
                space,
                allowed=self.openid_allow or space.allowed,
                operators=self.openid_operators,
            )
        return OpenIDSettings(
            self.openid_issuer,
            self.openid_client,
            self.openid_secret.get_secret_value() if self.openid_secret else "",
            self.openid_name or urlsplit(self.openid_issuer).netloc,
            self.openid_allow,
            self.openid_operators,
            self.openid_scopes,
            self.openid_groups,
        )

    @property
    def users_path(self) -> Path:
        """Return the path of the file for users with hashed passwords, which may not exist."""
        return (self.users or self.data / "users.json").absolute()

    @property
    def has_users_file(self) -> bool:
        """Return whether a users file exists. If so, all users must sign in."""
        return self.users_path.exists()

    @property
    def trusts_by_default(self) -> bool:
        """Return whether the trusted proxies have their default value."""
        return "trusted_proxies" not in self.model_fields_set

    @property
    def only_this_machine(self) -> bool:
        """Return whether only this machine can reach the app, judging by its settings.

        A prefix, host names or trusted proxies indicate a proxy in front of the app.
        """
        shared = self.root_path or self.hosts or not self.trusts_by_default or ON_A_SPACE
        return is_loopback(self.host) and not shared
