"""Settings of elastic ComfyUI servers: `[[scale]]` in the file of `--config`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from comfy.base.errors import ComfyError
from ui.settings.named_servers import OWN, ServerAccess
from ui.settings.options import Settings

_MOST_SERVERS = 50
_DAY = 86400.0
_NAME = "^[a-z0-9][a-z0-9-]{0,29}$"

_Seconds = Annotated[float, Field(ge=0, le=30 * _DAY, allow_inf_nan=False)]


def _words(value: object) -> object:
    """Return a command's words: it is one text, split like in a shell, or a list of texts."""
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError as error:
        raise PydanticCustomError(OWN, "a quotation mark is missing.") from error


def _program(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words or not words[0] or any("\0" in word for word in words):
        raise PydanticCustomError(OWN, "write a command, like /srv/comfyforms/up.sh.")
    return (os.path.expanduser(words[0]), *words[1:])


_Command = Annotated[tuple[str, ...], BeforeValidator(_words), AfterValidator(_program)]


class ScaleTable(ServerAccess):
    """Servers that the app starts and stops with the commands `up` and `down`. `max`: how many at
    once; `spot`: they may vanish at any time. Credentials and `limit` are for each of them. See
    `comfyforms.plugins.scaling.rules.Scale`."""

    name: Annotated[str, Field(pattern=_NAME)] = "scale"
    up: _Command
    down: _Command
    after_waiting: _Seconds = 30.0
    idle: _Seconds = 600.0
    max: Annotated[int, Field(ge=1, le=_MOST_SERVERS)] = 1
    spot: bool = False
    timeout: Annotated[float, Field(ge=1, le=_DAY, allow_inf_nan=False)] = 600.0


def _tables(value: object) -> object:
    if isinstance(value, str | dict):
        raise PydanticCustomError(OWN, "write [[scale]] tables into the file of --config.")
    return value


def _other_names(scales: tuple[ScaleTable, ...]) -> tuple[ScaleTable, ...]:
    if len({one.name for one in scales}) < len(scales):
        raise PydanticCustomError(OWN, "give each [[scale]] its own name.")
    return scales


_Scales = Annotated[
    tuple[ScaleTable, ...], NoDecode, BeforeValidator(_tables), AfterValidator(_other_names)
]


class ScaleSettings(Settings):
    """The app's settings, with elastic servers."""

    scale: _Scales = Field(
        (),
        title="",
        description=(
            "ComfyUI servers that the app starts while runs wait, and stops when they are idle"
        ),
    )

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each contradiction between settings."""
        yield from super().problems()
        if self.scale and not (self.server or self.comfyui):
            yield "scale: name a server that is always there, too, with [[server]]."
        for one in self.scale:
            try:
                one.address_at("https://server.example.org")
            except ComfyError as problem:
                yield f"scale: {one.name}: {problem} {problem.hint}"
