"""Settings for downloads of missing models."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from comfyforms.comfyui_node.downloads.hosts import added_host
from comfyforms.comfyui_node.signing import SHORTEST_SECRET
from ui.settings.named_servers import OWN
from ui.settings.server_options import ServerOptions


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
SECRET_DOWNLOADS = frozenset({"node_secret", "huggingface_token"})


class DownloadOptions(ServerOptions):
    """Settings for downloads of missing models."""

    download_hosts: _Hosts = Field(
        (),
        title="HOST,…",
        description=(
            "hosts that models may be downloaded from, besides huggingface.co and civitai.com"
        ),
    )
    node_secret: _Secret | None = Field(
        None,
        title="SECRET",
        description=(
            "secret that the custom nodes in the ComfyUI servers share, for downloads of models"
        ),
    )
    huggingface_token: SecretStr | None = Field(
        None,
        title="TOKEN",
        description="Hugging Face token for models whose license has to be accepted",
    )
