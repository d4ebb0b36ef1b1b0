"""Temporary folders of processes, each with a lock that its process holds."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

TEMPORARY = "temporary"  # the folder of these folders in the data folder
_LOCK = "lock"
_STARTING = 60.0  # seconds until a new folder's process surely has its lock


@contextmanager
def temporary_folder(below: Path, *, clean: bool) -> Iterator[Path]:
    """Create a folder that exists during the block. `clean`: first remove what a killed process has
    left."""
    if clean:
        shutil.rmtree(below, ignore_errors=True)
    below.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=below) as folder, FileLock(Path(folder) / _LOCK):
        yield Path(folder)


def remove_abandoned(below: Path) -> None:
    """Remove the folders of dead processes. Raises OSError."""
    for folder in below.iterdir():
        with suppress(FileNotFoundError, Timeout):  # its process has just ended, or works
            if folder.stat().st_mtime < time.time() - _STARTING:
                with FileLock(folder / _LOCK, blocking=False):
                    shutil.rmtree(folder, ignore_errors=True)
