"""Run a command of the administrator, without a shell and in its own process group."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO

from comfy.base.errors import ComfyError, words_of

_LOOK = 0.1  # seconds between two looks whether the command has ended
_MERCY = 5.0  # seconds that a command has to end after SIGTERM
_MOST_READ = 64 * 1024  # bytes
_MOST_SHOWN = 300  # characters of its last line
_OUR_SETTINGS = "COMFYFORMS_"
_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)


class CommandStopped(Exception):
    """The app is shutting down."""


def run_to_end(
    command: Sequence[str],
    variables: Mapping[str, str],
    timeout: float,
    closing: threading.Event,
    *,
    ends_with_app: bool,
) -> str:
    """Run a command to its end and return what it printed. It gets the app's environment without
    the app's own settings, and these variables.

    Raises ComfyError if it can't be started, ends with another exit code than 0, or takes longer
    than `timeout` seconds; its process group is then ended. Raises CommandStopped once `closing` is
    set; `ends_with_app`: its process group is then ended, too.
    """
    # Files, because processes that the command leaves behind would keep pipes open.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            process = _start(command, variables, output, errors)
        except (OSError, ValueError) as error:
            reason = words_of(error) if isinstance(error, OSError) else str(error)
            raise ComfyError(f"It can't be started: {reason}.") from error
        end = time.monotonic() + timeout
        while process.poll() is None:
            if closing.wait(_LOOK):
                if ends_with_app:
                    _end(process)
                raise CommandStopped
            if time.monotonic() > end:
                _end(process)
                raise ComfyError(f"It took longer than {timeout:g} seconds.")
        if process.returncode:
            last = _last_line(errors) or _last_line(output)
            words = f": {last}" if last else "."
            raise ComfyError(f"It ended with exit code {process.returncode}{words}")
        return _read(output)


def address_in(text: str) -> str:
    """Return the first line that is an http(s) URL. Raises ComfyError without one."""
    lines = (line.strip() for line in text.splitlines())
    found = next((line for line in lines if _URL.fullmatch(line)), None)
    if found is None:
        raise ComfyError("It printed no line with an http:// or https:// address.")
    return found


def _start(
    command: Sequence[str], variables: Mapping[str, str], output: IO[bytes], errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(_OUR_SETTINGS)
    }
    return subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        env={**inherited, **variables},
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and everything that it started in its process group."""
    if sys.platform == "win32":
        process.kill()
        process.wait()
        return
    _signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_MERCY)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: int) -> None:
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError):  # all of it has ended
            os.killpg(group, number)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_MOST_READ).decode(errors="replace")


def _last_line(file: IO[bytes]) -> str:
    file.seek(max(0, file.seek(0, os.SEEK_END) - _MOST_READ))
    lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return "".join(one for one in last if one.isprintable())[:_MOST_SHOWN]
