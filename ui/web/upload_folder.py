"""Files that forms show: uploads, results and examples, each for one user only.

A file is stored at `<owner>/<token>/<name>`. A browser gets its place, `<token>/<name>`, which is
only valid together with the owner. Another owner finds no such file, and no place is a path of this
machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import secrets
import shutil
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from comfy.base.files import plain_name
from comfy.base.quota import Use, to_remove
from ui.web.limits import WebLimits

log = logging.getLogger(__name__)

PLACE = re.compile(r"([0-9a-f]{32})/([^/\0]+)")
_MOST_KEPT = 10_000  # a sweep checks all of them
_LEFT = 0.9  # share of an exceeded limit left by a sweep, so not every file needs one
_SWEEP_PAUSE = 60.0  # seconds


@dataclass(slots=True)
class Tally:
    """Known content of the folder between two sweeps. Thread-safe."""

    files: int = 0
    size: float = 0.0  # bytes
    swept: float = float("-inf")  # by `time.monotonic`
    shares: dict[str, str] = field(default_factory=dict)  # addresses, by the owner's folder
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, files: int, size: float) -> None:
        with self._lock:
            self.files += files
            self.size += size

    def take_sweep(self, limits: WebLimits) -> bool:
        """Return whether it is time to sweep; only one caller per sweep gets True."""
        now = time.monotonic()
        with self._lock:
            is_full = self.files > _MOST_KEPT or self.size > limits.uploads
            if not is_full and now - self.swept < _SWEEP_PAUSE:
                return False
            self._begin(now)
            return True

    def begin_sweep(self) -> None:
        """Note that a sweep has started."""
        with self._lock:
            self._begin(time.monotonic())

    def _begin(self, now: float) -> None:
        """Restart the count: files that arrive during the listing may count twice."""
        self.files, self.size, self.swept = 0, 0.0, now

    def note_share(self, owner: str, address: str) -> None:
        """Remember the address of an owner's folder."""
        with self._lock:
            self.shares[owner] = address

    def forget_shares(self, known: Collection[str]) -> None:
        """Forget all addresses except the ones of these owners' folders, once there are too many
        others."""
        with self._lock:
            if len(self.shares) > 2 * len(known) + _MOST_KEPT:
                self.shares = {one: self.shares[one] for one in known if one in self.shares}


@dataclass(frozen=True, slots=True)
class UploadFolder:
    """Folder of files that belong to owners; `sweep` deletes old ones. Thread-safe."""

    path: Path
    limits: WebLimits = field(default_factory=WebLimits)
    _tally: Tally = field(default_factory=Tally, repr=False, compare=False)

    def make(self, owner: str, name: str, key: str = "") -> Path:
        """Return the path for a file with this name, in an existing folder; the same path again for
        the same `key`.

        `key`: 32 unguessable hex digits, or none for a new place.
        """
        file = self.path / _folder_of(owner) / (key or secrets.token_hex(16)) / plain_name(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def place(self, file: Path) -> str:
        """Return the place that a browser gets for a file made here."""
        return f"{file.parent.name}/{file.name}"

    def find(self, owner: str, place: object) -> Path | None:
        """Return the owner's file at this place; None if it is missing or another owner's."""
        match = PLACE.fullmatch(place) if isinstance(place, str) else None
        if match is None or match[2] in (".", "..") or Path(match[2]).name != match[2]:
            return None
        file = self.path / _folder_of(owner) / match[1] / match[2]
        try:
            return file if file.is_file() else None
        except (OSError, ValueError):  # the place isn't a possible file name
            return None

    def of(self, owner: str) -> list[Path]:
        """Return all files of the owner."""
        return [*(self.path / _folder_of(owner)).glob("*/*")]

    def copy(self, owner: str, source: Path, name: str, key: str) -> Path:
        """Return a copy of a file for this user, made once per `key`."""
        file = self.make(owner, name, key)
        if not file.is_file():
            part = file.with_name(f"{secrets.token_hex(4)}.part")
            shutil.copyfile(source, part)
            part.replace(file)
            self.kept(file)
        return file

    def kept(self, file: Path) -> None:
        """Note that a file was written to the path from `make`. Delete the oldest files if there
        are too many, or if the last check was over a minute ago."""
        with contextlib.suppress(OSError):  # another thread removed it
            self._tally.add(1, file.lstat().st_size)
        if self._tally.take_sweep(self.limits):
            self._sweep()

    def came_from(self, owner: str, address: str) -> None:
        """Count the owner's files together with others at this address; without an address ("") the
        owner counts alone."""
        self._tally.note_share(_folder_of(owner), address)

    def remove(self, owner: str, key: str) -> None:
        """Remove the files made for this user with this key."""
        shutil.rmtree(self.path / _folder_of(owner) / key, ignore_errors=True)

    def sweep(self) -> None:
        """Delete files that are too old and, above the limits, the oldest files of the largest
        owner. Failures are logged; the next sweep retries."""
        self._tally.begin_sweep()
        self._sweep()

    def _sweep(self) -> None:
        now, files, problems = time.time(), list[tuple[float, int, Path]](), list[OSError]()
        with _noted(problems):
            files = sorted(self._files())
        old = [str(file) for written, _, file in files if now - written > self.limits.upload_age]
        uses = [self._use(file, size) for _, size, file in files[len(old) :]]
        large = _beyond(uses, self.limits.uploads)
        many = _beyond([use._replace(size=1) for use in uses], _MOST_KEPT)
        gone = {*old, *large, *many}
        for file in gone:
            with _noted(problems):
                _remove(Path(file))
        left = [use for use in uses if use.item not in gone]
        self._tally.add(len(left), sum(use.size for use in left))
        self._tally.forget_shares({use.owner for use in uses})
        if problems:
            log.warning("%d uploads can't be deleted: %s", len(problems), problems[0])

    def _use(self, file: Path, size: int) -> Use:
        owner, name = file.parts[-3], str(file)
        share = self._tally.shares.get(owner, "")
        return Use(name, owner, removable=True, digest=name, size=size, share=share)

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for file in self.path.glob("*/*/*"):
            with contextlib.suppress(OSError):  # another thread removed it
                state = file.lstat()
                yield state.st_mtime, state.st_size, file


def _beyond(uses: list[Use], most: float) -> list[str]:
    """Return the files to remove if there are more than `most`."""
    return to_remove(uses, most * _LEFT) if sum(use.size for use in uses) > most else []


@contextlib.contextmanager
def _noted(problems: list[OSError]) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        problems.append(problem)


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # the folders may contain another file
        file.parent.rmdir()
        file.parent.parent.rmdir()


def _folder_of(owner: str) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()[:32]
