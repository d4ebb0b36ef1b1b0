"""A template as its server lists it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import quote

from comfy.requirements.model import NOTHING_DECLARED, Declared

MediaKind = Literal["image", "video", "audio", "3d", "text"]
MEDIA_KINDS: tuple[MediaKind, ...] = get_args(MediaKind)


@dataclass(frozen=True, slots=True)
class Template:
    """A template.

    `pack`: the node pack that brings it, "" for ComfyUI itself. `name`: its file without the
    extension. `models`: names for users, not files. `inputs` and `outputs`: kinds of media; empty
    if unknown. `files`: the names of its example input files. `thumbnail`: the ending of its
    example image, "" without one. `usage`: how often the makers' users open it. `order`: its
    position in the list.
    """

    pack: str
    name: str
    title: str
    description: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    inputs: tuple[MediaKind, ...] = ()
    outputs: tuple[MediaKind, ...] = ()
    files: tuple[str, ...] = ()
    thumbnail: str = ""
    date: str = ""
    usage: int = 0
    order: int = 0
    declared: Declared = NOTHING_DECLARED

    @property
    def id(self) -> str:
        """Return the name by which users open it: "PACK/NAME", or "NAME" for ComfyUI's own."""
        return f"{self.pack}/{self.name}" if self.pack else self.name

    @property
    def path(self) -> str:
        """Return the path of its workflow on the server."""
        return self.path_of(f"{self.name}.json")

    @property
    def image_path(self) -> str:
        """Return the path of its example image on the server."""
        number = "" if self.pack else "-1"
        return self.path_of(f"{self.name}{number}.{self.thumbnail}")

    def path_of(self, file: str) -> str:
        """Return the path of a file beside its workflow on the server."""
        if self.pack:
            return f"/api/workflow_templates/{quote(self.pack, safe='')}/{quote(file)}"
        return f"/templates/{quote(file)}"
