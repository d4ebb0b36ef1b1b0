"""ComfyUIs that the app starts, named in the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Tag
from pydantic_settings import NoDecode

from comfy.local_comfyui.installation import Installation, LocalSettings
from ui.settings.named_servers import HomePath, NamedServer, PromptLimit, ServerName, server_tables


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
