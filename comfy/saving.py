"""Files of the server, saved in a folder here under safe names of their own."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from comfy.client import Client
from comfy.errors import ComfyError
from comfy.outputs import OutputFile

__all__ = ["safe_name", "save_file"]

_MAX_NAME = 150
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # names that Windows keeps for devices


def safe_name(filename: str) -> str:
    """A plain file name for what a server calls its file: no folders, no dots in front, not too long."""
    name = _UNSAFE.sub("_", filename.replace("\\", "/").rpartition("/")[2]).strip(" .")
    stem, dot, extension = name.rpartition(".")
    if dot and len(extension) <= 10:
        name = f"{stem[: _MAX_NAME - 11]}.{extension}"
    name = name[:_MAX_NAME]
    return f"_{name}" if not name or _RESERVED.match(name) else name


def save_file(client: Client, file: OutputFile, folder: Path) -> Path:
    """Fetch one file into ``folder`` and return where it is. Nothing there is overwritten.

    ComfyError if it cannot be fetched or written; nothing half-written stays behind.
    """
    with client.view(file) as view:
        try:
            path = _reserve(folder, safe_name(file.filename))
            try:
                with path.open("wb") as target:
                    target.writelines(view.iter_bytes())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise ComfyError(
                f"{file.filename} cannot be saved in {folder}: {error.strerror or error}.",
                "Choose another folder with --out.",
            ) from error
    return path


def _reserve(folder: Path, name: str) -> Path:
    """An empty file of this name, or of the first one with a number that is free."""
    folder.mkdir(parents=True, exist_ok=True)
    stem, suffix = Path(name).stem, Path(name).suffix
    for number in itertools.count():
        path = folder / (f"{stem} ({number}){suffix}" if number else name)
        try:
            path.open("xb").close()
        except FileExistsError:
            continue
        return path
    raise AssertionError("unreachable")
