"""Files that users opened, stored unchanged on disk so that they survive a restart."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from comfy.base.errors import words_of

log = logging.getLogger(__name__)

_PART = ".part"  # suffix of partly written files


@dataclass(frozen=True, slots=True)
class PrivateFile:
    """File of an opened workflow. `owner`, `address`: digests of the owner and the owner's address;
    `name`: the workflow's name; `file`: the file's own name; `opened_at`: seconds since 1970;
    `is_shared`: the workflow was added to the folder later. `settings`: its form's settings as
    TOML, None without any; `history`: their earlier versions, as JSON."""

    __pydantic_config__: ClassVar = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    owner: str
    name: str
    address: str
    file: str
    data: bytes = field(repr=False)
    opened_at: float = 0.0
    is_shared: bool = False
    settings: str | None = None
    history: str = field(default="", repr=False)


class PrivateFiles:
    """Folder of opened workflows; None stores nothing.

    Errors while writing, reading or deleting files are logged, not raised.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._json = TypeAdapter(PrivateFile)

    def read(self) -> Iterator[tuple[PrivateFile, float]]:
        """Yield each file and the time of its last use, in seconds since 1970."""
        folder = self._folder
        if folder is None:
            return
        for part in folder.glob(f"*{_PART}"):  # left by a process that was killed
            self._remove(part)
        for used_at, path in _listed(folder):
            try:
                file = self._json.validate_json(path.read_bytes())
            except OSError as problem:  # a disk error; the next start may succeed
                log.warning("Can't read an opened workflow: %s (%s)", path, words_of(problem))
            except ValueError:
                log.warning("An opened workflow is lost because its file is damaged: %s", path)
                self._remove(path)
            else:
                yield file, used_at

    def write(self, file: PrivateFile) -> None:
        """Store a file, replacing an older version."""
        part = f"{secrets.token_hex(8)}{_PART}"

        def write(folder: Path) -> None:
            folder.mkdir(exist_ok=True, mode=0o700)
            try:
                (folder / part).write_bytes(self._json.dump_json(file))
                (folder / part).replace(_path(folder, file))
            finally:
                (folder / part).unlink(missing_ok=True)

        self._try(write)

    def touch(self, file: PrivateFile) -> None:
        """Mark a file as used now; do nothing if it is missing."""

        def touch(folder: Path) -> None:
            with suppress(FileNotFoundError):
                os.utime(_path(folder, file))

        self._try(touch)

    def remove(self, file: PrivateFile) -> None:
        """Delete a file if it exists."""
        if self._folder is not None:
            self._remove(_path(self._folder, file))

    def _remove(self, path: Path) -> None:
        self._try(lambda _: path.unlink(missing_ok=True))

    def _try(self, job: Callable[[Path], object]) -> None:
        if self._folder is not None:
            try:
                job(self._folder)
            except OSError as problem:
                log.warning("Can't save opened workflows to disk: %s", words_of(problem))


def _listed(folder: Path) -> Iterator[tuple[float, Path]]:
    for path in folder.glob("*.json"):
        with suppress(OSError):  # another process deleted it
            yield path.stat().st_mtime, path


def _path(folder: Path, file: PrivateFile) -> Path:
    return folder / f"{file.owner}{file.name}.json"
