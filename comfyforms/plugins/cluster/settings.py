"""Settings of an app that consists of several processes."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from comfy.base.errors import ComfyError
from ui.settings.named_servers import OWN, WITH_PASSWORD
from ui.settings.options import Settings
from ui.settings.setting_values import YesNo

if TYPE_CHECKING:
    from comfyforms.plugins.cluster.processes import SetupReader

_PACKAGES = ("dbos", "psycopg", "redis")  # the extra `cluster` in pyproject.toml
# Settings of one process. Servers are compared by their addresses.
_OWN_SETTINGS = frozenset(
    {"config", "process", "port", "host", "pages", "execute", "log_format", "server"}
)
_PROCESS = re.compile(r"[\w.:-]{1,80}", re.ASCII)


def _wire(value: SecretStr) -> SecretStr:
    from comfyforms.plugins.cluster.messaging.wire_address import WireAddress

    try:
        WireAddress.parse(value.get_secret_value())
    except ComfyError:
        raise PydanticCustomError(
            OWN, "write the URL of Redis or Valkey, like rediss://:PASSWORD@redis.example.org:6379."
        ) from None
    return value


def _process(value: str) -> str:
    if value and not _PROCESS.fullmatch(value):
        raise PydanticCustomError(OWN, "write at most 80 letters, digits and -._: for a process.")
    return value


_WireURL = Annotated[SecretStr, AfterValidator(_wire)]
_ProcessName = Annotated[str, AfterValidator(_process)]


class ClusterSettings(Settings):
    """The app's settings, with several processes."""

    wire: Annotated[_WireURL | None, WITH_PASSWORD] = Field(
        None,
        title="URL",
        description=(
            "URL of Redis or Valkey, which connects several processes of the app:"
            " rediss://…, redis://… or unix://…"
        ),
    )
    process: _ProcessName = Field(
        "",
        title="NAME",
        description="unique name of this process (default: the machine's name and the port)",
    )
    pages: YesNo = Field(
        "yes",
        title="|".join(get_args(YesNo)),
        description="whether this process serves pages and the API; no = it only executes runs",
    )
    execute: YesNo = Field(
        "yes",
        title="|".join(get_args(YesNo)),
        description="whether this process executes runs; no = it only serves pages and the API",
    )

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each contradiction between settings."""
        yield from super().problems()
        roles = self.pages, self.execute
        if roles == ("no", "no"):
            yield "--pages no and --execute no: use only one of them."
        if self.wire is None:
            if "no" in roles:
                yield "--pages no and --execute no need --wire."
            return
        if self.database is None or not self.database.get_secret_value().startswith("postgresql"):
            yield "--wire needs a --database on Postgres, like postgresql+psycopg://…"
        if any(find_spec(name) is None for name in _PACKAGES):
            yield "--wire needs more packages: run pip install '.[cluster]' in the checkout."
        if self._local:
            yield (
                "--comfyui and --wire: use only one of them. In a cluster, start ComfyUI as a"
                " service of its own and name it with --server."
            )

    @property
    def process_name(self) -> str:
        """Return the name of this process, which no other process of the app has."""
        return self.process or f"{socket.gethostname()}:{self.port}"

    def setup(self) -> SetupReader:
        """Return the reader of what all processes must have in common: workflow files, servers and
        settings. Paths may differ between machines, and secrets aren't compared."""
        from comfyforms.plugins.cluster.processes import SetupReader

        servers = [address.url for address in self.server_addresses]
        shared = {
            name: value
            for name, value in self
            if name not in _OWN_SETTINGS and not isinstance(value, Path | SecretStr)
        }
        return SetupReader(self.workflows.absolute(), servers, shared)
