"""Settings of the config file and the ComfyUI servers. `ui/settings/options.py` adds the rest."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from comfy.comfyui.client.address import ServerAddress
from ui.settings.named_servers import Header, ReadableFile, Servers, named_addresses

PREFIX = "COMFYFORMS_"


class ServerOptions(BaseSettings):
    """Settings of the configuration file and the ComfyUI servers."""

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
        description="TOML file with these settings; options and variables override it",
    )
    server: Servers = Field(
        (),
        title="URL",
        description=(
            "address of a ComfyUI server; may be repeated. Without it, the app uses"
            " 127.0.0.1:8188 if ComfyUI answers there, otherwise a stand-in that paints demo"
            " images"
        ),
    )
    server_token: SecretStr | None = Field(
        None, title="TOKEN", description="token sent to ComfyUI as 'Authorization: Bearer TOKEN'"
    )
    server_header: Header | None = Field(
        None,
        title="NAME:VALUE",
        description="header sent with every request to ComfyUI, like 'X-Api-Key: secret'",
    )
    server_ca: ReadableFile | None = Field(
        None,
        title="FILE",
        description="PEM file with the certificate authorities to trust for ComfyUI",
    )

    @property
    def server_addresses(self) -> tuple[ServerAddress, ...]:
        """Return the addresses and credentials of all ComfyUI servers; () if the settings name no
        server."""
        credentials = self.server_token, self.server_header, self.server_ca
        return named_addresses(self.server, *credentials)
