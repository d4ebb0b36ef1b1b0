"""One thing that a workflow needs and a server does not have, and what people are told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from comfy.wording import short

_CORE = "comfy-core"  # how graphs call what ComfyUI itself brings
_MAX_TITLES = 3
_MAX_ADDRESS = 300
_MODEL_FILES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx")


@dataclass(frozen=True, slots=True)
class MissingClass:
    """A node class that the server lacks; nothing runs without it. `close` is the display name of
    the one most like it, or ""."""

    class_type: str
    nodes: tuple[str, ...]
    titles: tuple[str, ...]
    close: str
    pack: str

    @property
    def can_be_replaced(self) -> bool:
        """Never: a node cannot be chosen."""
        return False

    @property
    def is_built_in(self) -> bool:
        """Whether ComfyUI itself brings it, in other versions."""
        return self.pack == _CORE

    @property
    def sentence(self) -> str:
        """What is said to a person."""
        times = "" if len(self.nodes) == 1 else f" (used {len(self.nodes)} times)"
        said = f"This server does not have the node {short(self.class_type)}{times}"
        if self.titles:
            shown = ", ".join(short(title) for title in self.titles[:_MAX_TITLES])
            more = len(self.titles) - _MAX_TITLES
            said += f", here called {shown}" + (f" and {more} more" if more > 0 else "")
        said += "."
        if self.is_built_in:
            said += " Newer versions of ComfyUI have it."
        elif self.pack:
            said += f" It belongs to the node pack {short(self.pack)}."
        if self.close:
            said += f" The closest it has is {short(self.close)}."
        return said


@dataclass(frozen=True, slots=True)
class MissingChoice:
    """A model, or another choice, that the server does not offer in a field. `close` is the
    closest, None if none."""

    key: str
    label: str
    value: Any
    close: Any | None
    directory: str = ""
    url: str = ""

    @property
    def can_be_replaced(self) -> bool:
        """Whether there is anything else to choose."""
        return self.close is not None

    @property
    def file(self) -> str:
        """The name of the file, or the choice itself, on one line."""
        return _plain(str(self.value).replace("\\", "/").rpartition("/")[2])

    @property
    def is_model(self) -> bool:
        """Whether it is a file: a model, as far as one can tell."""
        return bool(self.directory) or self.file.lower().endswith(_MODEL_FILES)

    @property
    def folder(self) -> str:
        """The server's folder that it belongs in, "" if nobody says."""
        return f"models/{_plain(self.directory)}" if self.directory else ""

    @property
    def address(self) -> str:
        """Where it was meant to come from, as a line of text; "" if nobody says."""
        return _plain(self.url)

    @property
    def sentence(self) -> str:
        """What is said to a person."""
        said = f"{self.label} is {short(self.value)}, "
        if self.close is None:
            said += "but this server has nothing to choose from."
        else:
            said += f"which this server does not have. The closest it has is {short(self.close)}."
        folder = f" It belongs in the server's folder {self.folder}" if self.folder else ""
        if self.url:
            return (
                f"{said}{folder or ' It'}{' and' if folder else ''} was meant to come from"
                f" {self.address}"
            )
        return f"{said}{folder}." if folder else said


Missing = MissingClass | MissingChoice


def _plain(text: str) -> str:
    line = "".join(c for c in text[: _MAX_ADDRESS + 1] if c.isprintable())
    return line if len(line) <= _MAX_ADDRESS else f"{line[: _MAX_ADDRESS - 1]}…"
