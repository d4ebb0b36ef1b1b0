"""Settings with their defaults and valid values, including paid partner nodes and downloads.
`ui/settings/arguments.py` reads them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from comfy.comfyui.client.address import is_loopback
from comfyforms.comfyui_node.downloads.hosts import added_host
from comfyforms.comfyui_node.signing import SHORTEST_SECRET
from ui.accounts.openid_people import OpenIDSettings, space_openid
from ui.brand import Brand
from ui.settings.folders import COMMAND, ON_A_SPACE, data_folder, workflow_folder
from ui.settings.groups import GroupTable, group_problems, group_tables
from ui.settings.named_servers import (
    OWN,
    WITH_PASSWORD,
    HomePath,
    ReadableFile,
    Secret,
    SecretInFile,
)
from ui.settings.server_options import ServerOptions
from ui.settings.setting_values import (
    ComfyKey,
    Days,
    FolderPath,
    HeaderName,
    Hosts,
    Issuer,
    LogFormat,
    Origins,
    PathPrefix,
    PeopleRules,
    PerDay,
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

_HIDDEN = Secret(is_option=False)  # other users of the machine could see the option
_CHOICES = "|".join(get_args(Permission))


class PaidOptions(ServerOptions):
    """Settings of paid partner nodes and of ComfyUI servers."""

    comfy_org_key: Annotated[ComfyKey | None, _HIDDEN] = Field(
        None,
        title="KEY",
        description="comfy.org API key that pays the runs of users without a key of their own",
    )
    comfy_key_file: SecretInFile | None = Field(
        None, title="FILE", description="file with the comfy.org API key of the app"
    )
    paid_runs: PerDay | None = Field(
        None,
        title="RUNS/day",
        description="paid runs that a user may start in 24 hours, like 20/day; default: no limit",
    )
    paid_runs_all: PerDay | None = Field(
        None,
        title="RUNS/day",
        description="paid runs that all users together may start in 24 hours",
    )

    @model_validator(mode="after")
    def _has_one_key(self) -> PaidOptions:
        if self.comfy_org_key and self.comfy_key_file:
            raise PydanticCustomError(
                OWN, "--comfy-key-file: use either the file or COMFYFORMS_COMFY_ORG_KEY."
            )
        return self

    @property
    def app_key(self) -> SecretStr | None:
        """Return the app's comfy.org API key."""
        return self.comfy_org_key or self.comfy_key_file


def _hosts(value: object) -> object:
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _host(value: str) -> str:
    try:
        added_host(value)
    except ValueError as error:
        raise PydanticCustomError(
            OWN,
            "write hosts like models.example.org, or http:// with an IP address of a private"
            " network, like http://10.0.0.5:8000.",
        ) from error
    return value


def _secret(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < SHORTEST_SECRET:
        raise PydanticCustomError(
            OWN, "write at least {count} characters.", {"count": SHORTEST_SECRET}
        )
    return value


_Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(_host)], ...], NoDecode, BeforeValidator(_hosts)
]
_Secret = Annotated[SecretStr, AfterValidator(_secret)]


class DownloadOptions(ServerOptions):
    """Settings for downloads of missing models."""

    download_hosts: _Hosts = Field(
        (),
        title="HOST,…",
        description=(
            "hosts that models may be downloaded from, besides huggingface.co and civitai.com"
        ),
    )
    lock: ReadableFile | None = Field(
        None,
        title="FILE",
        description="lock with the models that each ComfyUI of --comfyui downloads when it starts",
    )
    node_secret: Annotated[_Secret | None, _HIDDEN] = Field(
        None,
        title="SECRET",
        description=(
            "secret that the custom nodes in the ComfyUI servers share, for downloads of models"
        ),
    )
    huggingface_token: Annotated[SecretStr | None, _HIDDEN] = Field(
        None,
        title="TOKEN",
        description="Hugging Face token for models whose license has to be accepted",
    )


class Settings(DownloadOptions, PaidOptions):
    """The administrator's settings. Secrets print as stars."""

    workflows: FolderPath = Field(
        workflow_folder(), title="DIR", description="folder of workflow files"
    )
    host: Annotated[str, AfterValidator(host_setting)] = Field(
        "0.0.0.0" if ON_A_SPACE else "127.0.0.1",
        title="ADDRESS",
        description="address to listen on; 0.0.0.0 = all networks",
    )
    port: int = Field(
        7860, ge=0, le=65535, title="PORT", description="port to listen on; 0 = any free port"
    )
    root_path: PathPrefix = Field(
        "", title="/PATH", description="path prefix of the app behind a proxy, which removes it"
    )
    hosts: Hosts = Field(
        (),
        title="NAME,NAME…",
        description="host names that browsers may use for the app, besides its own addresses",
    )
    embed: Origins = Field(
        (),
        title="URL,URL…",
        description="sites that may show forms in a frame, like https://wiki.example",
    )
    brand: Annotated[Brand, NoDecode] = Field(
        Brand(), title="TABLE", description="the app's name, logo, color and texts"
    )
    trusted_proxies: Proxies = Field(
        ("*",) if ON_A_SPACE else ("127.0.0.1", "::1"),
        title="ADDRESS,ADDRESS…",
        description="addresses or networks of proxies whose X-Forwarded-… headers count; * = all",
    )
    open: Permission = Field(
        "auto",
        title=_CHOICES,
        description=(
            "whether users may open their own workflows; auto = only if no other machine can"
            " reach the app"
        ),
    )
    templates: Permission | None = Field(
        None,
        title=_CHOICES,
        description=(
            "whether users may start from the templates of the ComfyUI servers (default: as for"
            " --open)"
        ),
    )
    keep: Permission = Field(
        "auto",
        title=_CHOICES,
        description="whether users may add their workflows to the workflow folder, for all users",
    )
    operators: Words = Field(
        (),
        title="NAME,NAME…",
        description="users who are administrators; they need a login",
    )
    operator_images: YesNo = Field(
        "no",
        title="|".join(get_args(YesNo)),
        description=(
            "whether administrators see previews of all users' runs, on /operator and by"
            " /ws?all=true"
        ),
    )
    open_nodes: ReadableFile | None = Field(
        None,
        title="FILE",
        description="file with node classes that opened workflows may use, one per line",
    )
    login: Annotated[Users, Secret()] = Field(
        (),
        title="NAME:PASSWORD,…",
        description="users who may sign in; without any, everyone can use the app",
    )
    login_file: UsersInFile = Field(
        (), title="FILE", description="file with such users, one NAME:PASSWORD per line"
    )
    users: HomePath | None = Field(
        None,
        title="FILE",
        description=(
            f"file of users with hashed passwords, written by `{COMMAND} user add`; if it"
            " exists, all users must sign in (default: users.json in the folder of --data)"
        ),
    )
    session_days: Days = Field(30.0, title="DAYS", description="maximum age of a session")
    idle_days: Days = Field(
        14.0, title="DAYS", description="days without requests after which a session ends"
    )
    share_link: YesNo = Field(
        "no",
        title="|".join(get_args(YesNo)),
        description=(
            "whether a link, printed at startup, signs its visitors in as guests; starting the"
            " app without it revokes the link and signs the guests out"
        ),
    )
    user_header: HeaderName = Field(
        "",
        title="NAME",
        description="header in which a trusted proxy names the signed-in user: X-Forwarded-User",
    )
    sign_out_address: SignOutAddress = Field(
        "",
        title="ADDRESS",
        description="sign-out page for users of --user-header, like /oauth2/sign_out",
    )
    openid_issuer: Issuer = Field(
        "",
        title="URL",
        description=(
            "OpenID provider where users sign in, like https://accounts.google.com; on a"
            " Space with hf_oauth, Hugging Face"
        ),
    )
    openid_client: str = Field(
        "", title="ID", description="client id of the app at the OpenID provider"
    )
    openid_secret: Annotated[SecretStr | None, _HIDDEN] = Field(
        None, title="SECRET", description="client secret of the app at the OpenID provider"
    )
    openid_name: str = Field(
        "",
        title="NAME",
        description="name of the OpenID provider on the sign-in page (default: its host)",
    )
    openid_allow: PeopleRules = Field(
        (),
        title="WHO,WHO…",
        description=(
            "users of the OpenID provider who may sign in: anna@example.org, @example.org,"
            " group:NAME, user:NAME, * = all"
        ),
    )
    openid_operators: PeopleRules = Field(
        (), title="WHO,WHO…", description="users of the OpenID provider who are administrators"
    )
    openid_scopes: Words = Field(
        ("openid", "profile", "email"),
        title="NAME,NAME…",
        description="scopes to request from the OpenID provider",
    )
    openid_groups: str = Field(
        "groups", title="NAME", description="claim that lists the user's groups"
    )
    group: Annotated[tuple[GroupTable, ...], NoDecode, BeforeValidator(group_tables)] = Field(
        (),
        title="TABLE",
        description="groups of users, with their workflows, rights, servers and limits",
    )
    retry: YesNo = Field(
        "yes",
        title="|".join(get_args(YesNo)),
        description="whether a run that its server loses starts again, once",
    )
    keep_running: YesNo = Field(
        "yes",
        title="|".join(get_args(YesNo)),
        description="whether runs continue when their user closes the page, without being asked",
    )
    grace: Seconds = Field(
        30.0, title="SECONDS", description="seconds until other runs stop without their page"
    )
    finish: Seconds = Field(
        0.0, title="SECONDS", description="seconds that active runs get at shutdown"
    )
    previews: Previews = Field(
        "fitted",
        title="|".join(get_args(Previews)),
        description="previews on slow connections: made smaller, or as ComfyUI sends them",
    )
    data: HomePath = Field(
        data_folder(), title="DIR", description="folder for the history and the results"
    )
    database: Annotated[SecretStr | None, WITH_PASSWORD] = Field(
        None,
        title="URL",
        description=(
            "SQLAlchemy URL of the history's database, like postgresql+psycopg://… (default:"
            " SQLite in the folder of --data)"
        ),
    )
    keep_days: float = Field(
        30.0, gt=0, le=36_500, title="DAYS", description="age at which results are deleted"
    )
    keep_gb: float = Field(
        20.0,
        gt=0,
        le=1_000_000,
        title="GB",
        description="size of all results together; beyond it, the oldest are deleted",
    )
    log_format: LogFormat = Field(
        "text",
        title="|".join(get_args(LogFormat)),
        description="log lines as text or as JSON objects",
    )
    waiting: int = Field(30, ge=1, title="RUNS", description="unfinished runs that a user may have")
    hourly: int = Field(
        1000,
        ge=1,
        title="RUNS",
        description="runs that a user may start per hour; a batch or chain counts as one",
    )
    upload_mb: int = Field(
        256,
        ge=1,
        le=100_000,
        title="MB",
        description="maximum size of an uploaded file; ComfyUI has its own limit",
    )

    webhook_hosts: WebhookHosts = Field(
        (),
        title="HOST[:PORT],…",
        description=(
            "hosts that may receive webhooks when scripts' runs end (default port: 443);"
            " without any, webhooks are off"
        ),
    )
    webhook_secret: Annotated[WebhookSecret | None, Secret()] = Field(
        None,
        title="whsec_…",
        description="secret that signs webhooks (default: generated, in the folder of --data)",
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Settings:
        if problems := list(self.problems()):
            raise PydanticCustomError(OWN, "\n".join(problems))
        return self

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each contradiction between settings."""
        if self.login and self.login_file:
            yield "--login and --login-file: use only one of them."
        others = self.has_users_file or self.user_header
        operators = self.operators or self.openid_operators or others
        if "operators" in (self.open, self.templates, self.keep) and not operators:
            yield (
                "--open operators, --templates operators and --keep operators need --operators"
                f" NAME,NAME, or an administrator added with {COMMAND} user add NAME --operator."
            )
        if set(self.operators) - {name for name, _ in self.pairs} and not others:
            yield "--operators: each name needs a login; see --login-file."
        if self.user_header and (self.trusts_by_default or "*" in self.trusted_proxies):
            yield "--user-header: name the proxies with --trusted-proxies, without *."
        if self.sign_out_address and not self.user_header:
            yield "--sign-out-address needs --user-header."
        if self.openid_issuer and not (self.openid_client and self.openid_allow):
            yield "--openid-issuer needs --openid-client and --openid-allow."
        named = self.openid_client or self.openid_allow or self.openid_operators
        if named and self.openid is None:
            yield (
                "--openid-client, --openid-allow and --openid-operators need --openid-issuer, or"
                " hf_oauth on a Space."
            )
        if "openid" not in self.openid_scopes:
            yield "--openid-scopes: add openid."
        yield from group_problems(self.group, {one.name for one in self.server if one.name})
        yield from super().problems()

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
