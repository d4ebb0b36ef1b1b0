"""Files that show whether processes use the same data folder: one per process, named by its
life."""

from __future__ import annotations

import time
from collections.abc import Collection, Container
from contextlib import suppress
from pathlib import Path

from comfy.base.temporary_folder import TEMPORARY, remove_abandoned

_FOLDER = "processes"
_OLD = 24 * 3600.0  # seconds


class ProcessFiles:
    """Files of processes in a data folder. Methods raise OSError."""

    def __init__(self, data: Path) -> None:
        self._folder = data / _FOLDER

    def add(self, life: str, living: Container[str]) -> None:
        """Add a process's file, and remove old files of processes that aren't living."""
        self._folder.mkdir(exist_ok=True, mode=0o700)
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                is_old = path.stat().st_mtime < time.time() - _OLD
                if is_old and path.name not in living:
                    path.unlink()
        (self._folder / life).touch(mode=0o600)

    def sweep(self) -> None:
        """Remove the temporary files of dead processes."""
        remove_abandoned(self._folder.parent / TEMPORARY)

    def remove(self, life: str) -> None:
        """Remove a process's file."""
        (self._folder / life).unlink(missing_ok=True)

    def missing(self, lives: Collection[str]) -> set[str]:
        """Return the processes without a file here: they use another folder."""
        return {life for life in lives if not (self._folder / life).exists()}
