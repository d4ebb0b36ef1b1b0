"""Check of the data folder that processes share. It leaves no file behind."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from comfy.base.errors import ComfyError, words_of
from comfy.cluster.process_files import ProcessFiles
from comfy.cluster.processes import KnownProcess
from comfy.cluster.shared_setup import SharedSetup

_CONTENT = b"comfyforms"


def check_files(folder: Path) -> str:
    """Check that files can be written, renamed and locked. Raises ComfyError."""
    name = f"check-{secrets.token_hex(8)}"
    first, second = folder / f"{name}.part", folder / name
    try:
        first.write_bytes(_CONTENT)
        os.replace(first, second)
        if second.read_bytes() != _CONTENT:
            raise ComfyError(f"{folder} returns other bytes than were written.", _OTHER)
        _check_locks(second)
    except OSError as error:
        raise ComfyError(f"{folder} can't be used: {words_of(error)}.", _OTHER) from error
    finally:
        for path in (first, second):
            with suppress(OSError):
                path.unlink()
    return f"Files in {folder} can be written, renamed and locked."


_OTHER = "Mount the shared folder for the app's account, with file locks, and name it in --data."


def _check_locks(path: Path) -> None:
    with FileLock(path):
        try:
            with FileLock(path, blocking=False, is_singleton=False):
                raise ComfyError(f"File locks have no effect in {path.parent}.", _OTHER)
        except Timeout:
            pass


def check_same_folder(folder: Path, processes: Sequence[KnownProcess]) -> str:
    """Check that these processes use the same data folder. Raises ComfyError."""
    if not processes:
        return "No process runs, so nothing shows whether they share the folder."
    try:
        missing = ProcessFiles(folder).missing([one.life for one in processes])
    except OSError as error:
        raise ComfyError(f"{folder} can't be read: {words_of(error)}.", _OTHER) from error
    if missing:
        names = ", ".join(one.name for one in processes if one.life in missing)
        raise ComfyError(f"Other processes use another folder: {names}.", _OTHER)
    return f"All running processes ({len(processes)}) use this folder."


def check_same_setup(folder: Path, processes: Sequence[KnownProcess], here: SharedSetup) -> str:
    """Check that these processes have the same workflow files and servers as this one would have.
    Raises ComfyError."""
    try:
        setups = ProcessFiles(folder).setups([one.life for one in processes])
    except OSError as error:
        raise ComfyError(f"{folder} can't be read: {words_of(error)}.", _OTHER) from error
    names = {one.life: one.name for one in processes}
    found = [line for life, one in setups.items() for line in here.differences(one, names[life])]
    if found:
        raise ComfyError(" ".join(found), "Give all processes the same ones.")
    own = f"{len(here.workflows)} workflow files, {len(here.servers)} servers"
    if len(setups) < len(processes):
        return f"{own}. Some processes don't tell theirs."
    return f"{own}, like all running processes ({len(processes)})."
