"""Places where the settings of a form are stored: beside a workflow of the folder, or with a file
that a user opened."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from comfy.base.errors import ComfyError, not_written, words_of
from comfy.base.files import write_whole
from comfy.base.messages import message
from comfy.library.private import PrivateWorkflows

_LOCK = "lock"
_LONGEST = 60.0  # seconds; saving a form may wait for a ComfyUI server


class SettingsPlace(Protocol):
    """Place of one form's settings and of their history. Its methods raise ComfyError."""

    def read(self) -> str | None:
        """Return the settings as TOML; None without any."""
        ...

    def history(self) -> str:
        """Return the history as JSON; "" without any."""
        ...

    def write(self, settings: str | None, history: str) -> None:
        """Store both, the history first. None removes the settings."""
        ...


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """TOML file beside a workflow, and a file for its history in the data folder."""

    toml: Path
    history_file: Path

    def read(self) -> str | None:
        """Return the settings as TOML; None without any."""
        return _read(self.toml)

    def history(self) -> str:
        """Return the history as JSON; "" without any."""
        return _read(self.history_file) or ""

    def write(self, settings: str | None, history: str) -> None:
        """Store both, the history first. None removes the settings."""
        with _failing():
            self.history_file.parent.mkdir(exist_ok=True, mode=0o700)
            write_whole(self.history_file, history.encode())
            if settings is None:
                self.toml.unlink(missing_ok=True)
            elif settings != self.read():
                write_whole(self.toml, settings.encode())

    def write_beside(self, file: Path, data: bytes) -> None:
        """Store another file beside the workflow. Raises ComfyError."""
        with _failing():
            write_whole(file, data)

    def remove_old(self, is_unused: Callable[[Path], bool], before: float) -> None:
        """Remove unused files beside the workflow that were last changed `before` a time."""
        with suppress(OSError):
            for file in self.toml.parent.iterdir():
                if is_unused(file) and file.stat().st_mtime < before:
                    file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class PrivatePlace:
    """Settings of a workflow that a user opened, stored with its file."""

    opened: PrivateWorkflows
    owner: str
    name: str

    def read(self) -> str | None:
        """Return the settings as TOML; None without any."""
        return self.opened.settings(self.owner, self.name)[0]

    def history(self) -> str:
        """Return the history as JSON; "" without any."""
        return self.opened.settings(self.owner, self.name)[1]

    def write(self, settings: str | None, history: str) -> None:
        """Store both. None removes the settings."""
        self.opened.set_settings(self.owner, self.name, settings, history)


@contextmanager
def _failing() -> Iterator[None]:
    """Convert errors of the disk."""
    try:
        yield
    except OSError as error:
        raise not_written(
            error,
            message("A file couldn't be saved: {why}.", why=words_of(error)),
            message("Ask the administrator."),
        ) from error


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Keep other editors on these histories, in any process, from changing a form during the block.
    Raises ComfyError."""
    with _failing():
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(data / _LOCK, mode=0o600)
        try:
            lock.acquire(timeout=_LONGEST)
        except Timeout as error:
            raise ComfyError(
                message("Someone else is saving a form."), message("Try again in a moment.")
            ) from error
    try:
        yield
    finally:
        lock.release()


def history_name(workflow: str) -> str:
    """Return the name of the history file of a workflow in the folder."""
    return hashlib.sha256(workflow.encode()).hexdigest()[:32] + ".json"


def version_of(settings: str | None, draft: str | None) -> str:
    """Return the version of a TOML text and of the draft's, "" without any."""
    if settings is None and draft is None:
        return ""
    text = (settings or "") if draft is None else f"{settings}\0{draft}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(path: Path) -> str | None:
    try:
        # Not `read_text`, which would convert line breaks.
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ComfyError(
            message("{file} isn't a text file.", file=path.name),
            message("Ask the administrator."),
        ) from error
    except OSError as error:
        raise ComfyError(
            message("{file} can't be read: {why}.", file=path.name, why=words_of(error)),
            message("Ask the administrator."),
        ) from error
