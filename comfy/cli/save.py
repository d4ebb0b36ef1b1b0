"""Save files of the server in a local folder, under safe names."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from filecmp import cmp
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.filenames import safe_name
from comfy.comfyui.client.view import ViewFile
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.records.blobs import BlobStore
from comfy.records.record import Record


def check_folder(folder: Path) -> None:
    """Create the folder if it is missing. Raises ComfyError if it isn't writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise _refused("Nothing can be saved", folder, error) from error


def save_file(view: ViewFile, file: OutputFile, folder: Path) -> Path:
    """Fetch one file into `folder` and return its path. Existing files aren't overwritten.

    Raises ComfyError if the file can't be fetched or written; no partial file stays behind.
    """
    with view(file) as answer:
        try:
            path = _reserve(folder, safe_name(file.name))
            try:
                with path.open("wb") as target:
                    target.writelines(answer.iter_bytes())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise _refused(f"{file.name} cannot be saved", folder, error) from error
    return path


def save_copies(files: BlobStore, record: Record, folder: Path, prefix: str) -> list[Path]:
    """Copy a run's stored results into `folder` and return their paths. Existing files stay; a name
    is reused only for identical content. Raises ComfyError if writing fails."""
    saved = []
    for file in record.state.files:
        source = files.path(file.digest)
        if source is None:
            continue
        path = folder / f"{prefix}{safe_name(file.name)}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = next(one for one in _numbered(path) if _is_free(one, source))
            if not path.exists():
                part = path.with_name(f"{path.name}.part")
                shutil.copyfile(source, part)
                part.replace(path)
        except OSError as error:
            raise _refused(f"{path.name} cannot be saved", folder, error) from error
        saved.append(path)
    return saved


def _refused(what: str, folder: Path, error: OSError) -> ComfyError:
    why = f"{what} in {folder}: {error.strerror or error}."
    return ComfyError(why, "Choose another folder with --out.")


def _is_free(path: Path, source: Path) -> bool:
    return not path.exists() or cmp(source, path, shallow=False)


def _reserve(folder: Path, name: str) -> Path:
    """Create an empty file with this name, or with the first free number after it, and return its
    path."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in _numbered(folder / name):
        try:
            path.open("xb").close()
        except FileExistsError:
            continue
        return path
    raise AssertionError("unreachable")


def _numbered(path: Path) -> Iterator[Path]:
    """Yield the path itself, then numbered variants: "a.png", "a (1).png"."""
    yield path
    for number in itertools.count(1):
        yield path.with_name(f"{path.stem} ({number}){path.suffix}")
