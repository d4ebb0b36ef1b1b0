"""Settings of the config file, the ComfyUI servers, and the ComfyUIs that the app starts.
`ui/settings/options.py` adds the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, SecretStr, Tag
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from comfy.base.errors import ComfyError
from comfy.comfyui.client.address import ServerAddress
from comfy.local_comfyui.installation import Installation, LocalSettings
from ui.settings.named_servers import (
    Header,
    HomePath,
    NamedServer,
    PromptLimit,
    ReadableFile,
    Secret,
    ServerName,
    named_addresses,
    server_tables,
)

PREFIX = "COMFYFORMS_"


class LocalServer(BaseModel):
    """ComfyUI that the app starts, from `[[server]]` in the `--config` file. `comfyui`: its folder;
    `comfyui_python`: its interpreter; `comfyui_args`: arguments for its `main.py`; `name` and
    `limit`: as for a `NamedServer`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    comfyui: HomePath
    comfyui_python: HomePath | None = None
    comfyui_args: str = ""
    name: ServerName = ""
    limit: PromptLimit | None = None

    @property
    def settings(self) -> LocalSettings:
        """Return its settings. Raises ComfyError if the folder has no ComfyUI or no Python."""
        installation = Installation.find(self.comfyui, self.comfyui_python, self.comfyui_args)
        return LocalSettings(installation, self.name, self.limit)


def _kind(table: Any) -> str:  # noqa: ANN401 - a table of the file, or a server
    is_local = isinstance(table, Mapping) and not _ONLY_LOCAL.isdisjoint(table)
    return "local" if is_local or isinstance(table, LocalServer) else "named"


_ONLY_LOCAL = LocalServer.model_fields.keys() - NamedServer.model_fields.keys()
_AnyServer = Annotated[
    Annotated[NamedServer, Tag("named")] | Annotated[LocalServer, Tag("local")],
    Discriminator(_kind),
]
Servers = Annotated[tuple[_AnyServer, ...], NoDecode, BeforeValidator(server_tables)]


class ServerOptions(BaseSettings):
    """Settings of the configuration file and the ComfyUI servers."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
        defer_build=True,  # only `settings_type` is used, which has the plugins' fields, too
    )

    # `title`: the name of the value in --help.
    config: ReadableFile | None = Field(
        None,
        title="FILE",
        description="TOML file with these settings; options and variables override it",
    )
    server: Annotated[Servers, Secret(re.compile("@"))] = Field(
        (),
        title="URL",
        description=(
            "address of a ComfyUI server; may be repeated. Without it, the app uses"
            " 127.0.0.1:8188 if ComfyUI answers there, otherwise a stand-in that paints demo"
            " images"
        ),
    )
    server_token: Annotated[SecretStr | None, Secret()] = Field(
        None, title="TOKEN", description="token sent to ComfyUI as 'Authorization: Bearer TOKEN'"
    )
    server_header: Annotated[Header | None, Secret()] = Field(
        None,
        title="NAME:VALUE",
        description="header sent with every request to ComfyUI, like 'X-Api-Key: secret'",
    )
    server_ca: ReadableFile | None = Field(
        None,
        title="FILE",
        description="PEM file with the certificate authorities to trust for ComfyUI",
    )

    comfyui: HomePath | None = Field(
        None,
        title="PATH",
        description="folder of a ComfyUI that the app starts, watches and restarts",
    )
    comfyui_args: str = Field(
        "", title="ARGUMENTS", description="arguments for the main.py of --comfyui, as in a shell"
    )
    comfyui_python: HomePath | None = Field(
        None,
        title="PYTHON",
        description="Python of --comfyui (default: .venv or venv in its folder)",
    )

    @property
    def server_addresses(self) -> tuple[ServerAddress, ...]:
        """Return the addresses and credentials of the ComfyUI servers that the settings name; ()
        without any. Raises ComfyError if one is wrong."""
        credentials = self.server_token, self.server_header, self.server_ca
        return named_addresses(self._named, *credentials)

    @property
    def local_servers(self) -> tuple[LocalSettings, ...]:
        """Return the ComfyUIs that the app starts. Raises ComfyError if one can't be started."""
        return tuple(one.settings for one in self._local)

    @property
    def server_limits(self) -> dict[str, int]:
        """Return the prompt limits of named servers that have one, by address."""
        return {one.address.url: one.limit for one in self._named if one.limit is not None}

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each contradiction between settings."""
        names = [one.name for one in self.server if one.name]
        if len(set(names)) < len(names):
            yield "--server: Two servers have the same name. Give each server its own name."
        if self.comfyui is None and (self.comfyui_args or self.comfyui_python):
            yield "--comfyui-args and --comfyui-python need --comfyui."
        try:
            self.server_addresses  # noqa: B018 - reading it refuses an invalid value
        except ComfyError as problem:
            yield f"--server: {problem} {problem.hint}"
        try:
            self.local_servers  # noqa: B018 - the same
        except ComfyError as problem:
            yield f"--comfyui: {problem} {problem.hint}"

    @property
    def _named(self) -> list[NamedServer]:
        return [one for one in self.server if isinstance(one, NamedServer)]

    @property
    def _local(self) -> list[LocalServer]:
        local = [one for one in self.server if isinstance(one, LocalServer)]
        if self.comfyui is not None:
            options = {"comfyui_python": self.comfyui_python, "comfyui_args": self.comfyui_args}
            local.append(LocalServer.model_validate({"comfyui": self.comfyui, **options}))
        return local
