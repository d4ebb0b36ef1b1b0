"""Settings of an app that consists of several processes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Annotated

from pydantic import AfterValidator, SecretStr
from pydantic_core import PydanticCustomError

from comfy.base.errors import ComfyError
from ui.settings.named_servers import OWN

_PACKAGES = ("dbos", "psycopg", "redis")  # the extra `cluster` in pyproject.toml
_PROCESS = re.compile(r"[\w.:-]{1,80}", re.ASCII)


def _wire(value: SecretStr) -> SecretStr:
    from comfy.cluster.messaging.wire_address import WireAddress

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


WireURL = Annotated[SecretStr, AfterValidator(_wire)]
ProcessName = Annotated[str, AfterValidator(_process)]


def cluster_problems(
    wire: SecretStr | None, database: SecretStr | None, *, pages: bool, execute: bool
) -> Iterator[str]:
    """Yield a sentence for each contradiction between these settings."""
    if not (pages or execute):
        yield "--pages no and --execute no: use only one of them."
    if wire is None:
        if not (pages and execute):
            yield "--pages no and --execute no need --wire."
        return
    if database is None or not database.get_secret_value().startswith("postgresql"):
        yield "--wire needs a --database on Postgres, like postgresql+psycopg://…"
    if any(find_spec(name) is None for name in _PACKAGES):
        yield "--wire needs more packages: run pip install '.[cluster]' in the checkout."
