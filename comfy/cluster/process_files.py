"""Files that show whether processes use the same data folder: one per process, named by its
life. Each says what else the processes must have alike."""

from __future__ import annotations

import time
from collections.abc import Collection, Container, Mapping
from contextlib import suppress
from pathlib import Path

from comfy.base.files import TEMPORARY, remove_abandoned, write_whole
from comfy.cluster.shared_setup import SetupReader, SharedSetup

_FOLDER = "processes"
_OLD = 24 * 3600.0  # seconds


class ProcessFiles:
    """Files of processes in a data folder. Methods raise OSError."""

    def __init__(self, data: Path, setup: SetupReader | None = None) -> None:
        self._folder, self._setup = data / _FOLDER, setup
        self._written = SharedSetup()

    def add(self, life: str, living: Container[str]) -> None:
        """Add a process's file, and remove old files of processes that aren't living."""
        self._folder.mkdir(exist_ok=True, mode=0o700)
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                is_old = path.stat().st_mtime < time.time() - _OLD
                if is_old and path.name not in living:
                    path.unlink()
        (self._folder / life).touch(mode=0o600)

    def write_setup(self, life: str) -> SharedSetup:
        """Write the setup of this process into its file, if it has changed, and return it."""
        if self._setup is not None and (setup := self._setup.read()) != self._written:
            write_whole(self._folder / life, setup.to_json().encode())
            self._written = setup
        return self._written

    def setups(self, lives: Collection[str]) -> Mapping[str, SharedSetup]:
        """Return the setups of these processes, as far as they are known."""
        found: dict[str, SharedSetup] = {}
        for life in lives:
            with suppress(FileNotFoundError):
                setup = SharedSetup.of_json((self._folder / life).read_text())
                found |= {life: setup} if setup else {}
        return found

    def sweep(self) -> None:
        """Remove the temporary files of dead processes."""
        remove_abandoned(self._folder.parent / TEMPORARY)

    def remove(self, life: str) -> None:
        """Remove a process's file."""
        (self._folder / life).unlink(missing_ok=True)

    def missing(self, lives: Collection[str]) -> set[str]:
        """Return the processes without a file here: they use another folder."""
        return {life for life in lives if not (self._folder / life).exists()}
