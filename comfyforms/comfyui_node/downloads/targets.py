"""Names and places of downloaded files: safe formats, below ComfyUI's own model folders."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .problems import DownloadRefused

_SAFE_FORMATS = (".safetensors", ".sft", ".gguf", ".onnx")
_PARTIAL_FOLDER = ".comfyforms-downloads"
_PARTIAL_ENDING = ".part"
# Workflows and older nodes still use the former names (ComfyUI: folder_paths.map_legacy).
_FORMER_NAMES = {"unet": "diffusion_models", "clip": "text_encoders"}
_NO_MODELS = frozenset({"configs", "custom_nodes", "datasets"})
_PART = re.compile(r"[^\x00-\x1f\x7f<>:\"/\\|?*]{1,200}")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_MOST_PARTS = 6
_LONGEST = 400  # characters of a name with its subfolders


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """Model folder of ComfyUI: its paths, and the endings of the files that ComfyUI lists."""

    paths: tuple[Path, ...]
    endings: frozenset[str]


@dataclass(frozen=True, slots=True)
class Target:
    """Place of a downloaded file. `partial`: the place of its incomplete content, which ComfyUI
    never lists because of its ending."""

    file: Path
    partial: Path


def checked_name(name: str) -> str:
    """Return a file's name with its subfolders, separated by slashes. Raises DownloadRefused for a
    name that leaves its folder, that some system can't store, or that isn't a safe format."""
    name = name.replace("\\", "/")
    parts = name.split("/")
    if len(parts) > _MOST_PARTS or len(name) > _LONGEST or not all(map(_is_safe, parts)):
        raise DownloadRefused("The file's name isn't allowed.")
    if not name.lower().endswith(_SAFE_FORMATS):
        formats = ", ".join(_SAFE_FORMATS)
        raise DownloadRefused(f"Only these formats can be downloaded: {formats}.")
    return name


def _is_safe(part: str) -> bool:
    return (
        bool(_PART.fullmatch(part))
        and part.isprintable()
        and not part.startswith((".", " ", "~"))
        and not part.endswith((".", " "))
        and not _RESERVED.fullmatch(part)
    )


def folder_name(name: str) -> str:
    """Return ComfyUI's present name of a model folder."""
    return _FORMER_NAMES.get(name, name)


def target_of(folders: Mapping[str, ModelFolder], folder: str, name: str, key: str) -> Target:
    """Return the place of a file in one of ComfyUI's model folders. `key`: distinguishes partial
    files. Raises DownloadRefused."""
    name, folder = checked_name(name), folder_name(folder)
    found = folders.get(folder)
    if found is None or not found.paths or folder in _NO_MODELS:
        raise DownloadRefused(f"This ComfyUI has no model folder “{folder}”.")
    if not found.endings or _PARTIAL_ENDING in found.endings:
        raise DownloadRefused(
            f"ComfyUI lists all files of the folder “{folder}”, also incomplete ones. Download the"
            " file yourself."
        )
    root = _root(folder, found.paths)
    file = root.joinpath(*name.split("/"))
    if not Path(os.path.realpath(file.parent)).is_relative_to(os.path.realpath(root)):
        raise DownloadRefused("The file's subfolder is a link to another place.")
    return Target(file, root / _PARTIAL_FOLDER / f"{key}{_PARTIAL_ENDING}")


def _root(folder: str, paths: tuple[Path, ...]) -> Path:
    """Return the path for new files: with the folder's own name if possible, because ComfyUI also
    searches the places of former names."""
    named = [path for path in paths if path.name == folder]
    existing = [path for path in named or paths if path.is_dir()]
    return (existing or named or list(paths))[0]
