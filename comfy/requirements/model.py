"""Requirements as values: model files, node packs, and what an index of templates declares."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CORE_PACK = "comfy-core"  # the id of ComfyUI's own nodes in graphs
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_LONGEST_PART, _LONGEST_PATH = 200, 400  # characters


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file that a workflow needs.

    `name` is the file's path below `folder`, with `/` between its parts, and `folder` the path
    below the server's models folder. Both are safe: no part is empty, "." or "..". `url` starts
    with "https://" or "http://". `sha256` is in lowercase, `size` is in bytes. Each is "" or 0 if
    unknown.
    """

    name: str
    folder: str = ""
    url: str = ""
    sha256: str = ""
    size: int = 0

    @property
    def key(self) -> str:
        """Return the file's own name in lowercase, by which lists and links name it."""
        return file_key(self.name)


@dataclass(frozen=True, slots=True)
class NodePack:
    """A node pack: its id in the registry, or its GitHub repository as "owner/name". `version` is a
    version or a commit, "" if unknown."""

    id: str
    version: str = ""

    @property
    def is_core(self) -> bool:
        """Return whether these are ComfyUI's own nodes. `version` is then ComfyUI's."""
        return self.id == _CORE_PACK

    @property
    def url(self) -> str:
        if self.is_core:
            return "https://github.com/comfyanonymous/ComfyUI"
        if "/" in self.id:
            return f"https://github.com/{self.id}"
        return f"https://registry.comfy.org/nodes/{self.id}"

    @property
    def is_listed(self) -> bool:
        """Return whether the registry has the pack, so that its tools can install it."""
        return not self.is_core and "/" not in self.id

    @property
    def release(self) -> str:
        """Return the version if it is a release, "" if it is a commit or unknown."""
        return self.version if "." in self.version else ""

    @property
    def command(self) -> str:
        """Return the shell command that installs the pack, "" for ComfyUI's own nodes. A pack that
        the registry doesn't have is cloned below ComfyUI's folder."""
        if self.is_core:
            return ""
        if self.is_listed:
            version = f"@{self.release}" if self.release else ""
            return f"comfy node install {self.id}{version}"
        return f"git clone {self.url} custom_nodes/{self.id.partition('/')[2]}"


@dataclass(frozen=True, slots=True)
class Declared:
    """Requirements that the entry of a template index declares. `size` is the size of all its
    models in bytes, 0 if unknown. `version` is the minimum version of ComfyUI, "" if unknown."""

    size: int = 0
    packs: tuple[NodePack, ...] = ()
    version: str = ""


NOTHING_DECLARED = Declared()


def file_key(name: str) -> str:
    """Return the last part of a path in lowercase, from either kind of slash."""
    return name.replace("\\", "/").rpartition("/")[2].lower()


def safe_path(path: str) -> str:
    """Return a relative path with `/` between its parts, or "" if it could lead out of its folder,
    or has characters that a system refuses."""
    parts = path.replace("\\", "/").split("/")
    is_safe = all(
        part.strip(" .") == part and 0 < len(part) <= _LONGEST_PART and part.isprintable()
        for part in parts
    )
    if not is_safe or _UNSAFE.search(path) or len(path) > _LONGEST_PATH:
        return ""
    return "/".join(parts)
