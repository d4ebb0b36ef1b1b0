"""The files of this app that forms show: what people gave, results and examples, each for one
person alone.

A file lies at `<owner>/<token>/<name>`. What a browser is told is its place, `<token>/<name>`,
which means something only together with whoever asks: with another owner there is no such file, and
no place is a path of this machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from comfy.filenames import plain_name
from comfy.quota import Use, to_remove
from ui.web.limits import WebLimits

log = logging.getLogger(__name__)

PLACE = re.compile(r"([0-9a-f]{32})/([^/\0]+)")
_MOST_KEPT = 10_000  # all are looked at with each upload


@dataclass(frozen=True, slots=True)
class UploadFolder:
    """A folder of files, each of which has an owner. They go after a while: `sweep`."""

    path: Path

    def make(self, owner: str, name: str, key: str = "") -> Path:
        """Where a file of this name may be written, whose folder is there; the same place again for
        the same `key`.

        `key`: 32 hex digits that nobody can guess, or none for a place of its own.
        """
        file = self.path / _folder_of(owner) / (key or secrets.token_hex(16)) / plain_name(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def place(self, file: Path) -> str:
        """What a browser is told of a file that was made here."""
        return f"{file.parent.name}/{file.name}"

    def find(self, owner: str, place: object) -> Path | None:
        """The owner's file at this place; None where there is none, or it is somebody else's."""
        found = PLACE.fullmatch(place) if isinstance(place, str) else None
        if found is None or found[2] in (".", "..") or Path(found[2]).name != found[2]:
            return None
        file = self.path / _folder_of(owner) / found[1] / found[2]
        try:
            return file if file.is_file() else None
        except (OSError, ValueError):  # no name that a file could have
            return None

    def copy(self, owner: str, source: Path, name: str, key: str) -> Path:
        """A copy of a file for this person, made once for each `key`."""
        file = self.make(owner, name, key)
        if not file.is_file():
            part = file.with_name(f"{secrets.token_hex(4)}.part")
            shutil.copyfile(source, part)
            part.replace(file)
        return file

    def remove(self, owner: str, key: str) -> None:
        """Remove what was made for this person with this key."""
        shutil.rmtree(self.path / _folder_of(owner) / key, ignore_errors=True)

    def sweep(self, limits: WebLimits) -> None:
        """Remove files that are too old; while there are too many, the oldest of whoever has
        most. What cannot be removed is a line in the log; the next sweep tries again."""
        now, files, problems = time.time(), list[tuple[float, int, Path]](), list[OSError]()
        with _noted(problems):
            files = sorted(self._files())
        old = [str(file) for written, _, file in files if now - written > limits.upload_age]
        uses = [
            Use(str(file), file.parts[-3], removable=True, digest=str(file), size=size)
            for _, size, file in files[len(old) :]
        ]
        large, many = (
            to_remove(uses, limits.uploads),
            to_remove([use._replace(size=1) for use in uses], _MOST_KEPT),
        )
        for file in {*old, *large, *many}:
            with _noted(problems):
                _remove(Path(file))
        if problems:
            log.warning("Uploads could not be removed (%d): %s", len(problems), problems[0])

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for file in self.path.glob("*/*/*"):
            with contextlib.suppress(OSError):  # somebody else removed it
                state = file.lstat()
                yield state.st_mtime, state.st_size, file


@contextlib.contextmanager
def _noted(problems: list[OSError]) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        problems.append(problem)


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # they may hold another file
        file.parent.rmdir()
        file.parent.parent.rmdir()


def _folder_of(owner: str) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()[:32]
