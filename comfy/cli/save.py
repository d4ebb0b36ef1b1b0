"""Files of the server, saved in a folder here under safe names of their own."""

from __future__ import annotations

import itertools
from pathlib import Path

from comfy.client.client import Client
from comfy.errors import ComfyError
from comfy.filenames import safe_name
from comfy.protocol.outputs import OutputFile


def save_file(client: Client, file: OutputFile, folder: Path) -> Path:
    """Fetch one file into `folder` and return where it is. Nothing there is overwritten.

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
