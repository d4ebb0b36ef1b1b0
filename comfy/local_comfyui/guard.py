"""Program that runs ComfyUI as its child until its own stdin ends, then ends ComfyUI and everything
that ComfyUI started.

The app holds the other end of stdin, so ComfyUI also ends if the app is killed. Imports nothing
from the app. Exits with ComfyUI's exit code; for a signal, with 128 + its number, as shells do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

_END_SECONDS = 5.0  # from SIGTERM to SIGKILL
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_OOM_SCORE = "500"  # out of memory, Linux kills ComfyUI rather than the app


def main(command: Sequence[str]) -> int:
    """Run the command until it or stdin ends. Return the exit code."""
    _ignore_signals()
    if sys.platform == "linux":
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        # This process has a single thread here, so the child can't inherit a held lock.
        preexec_fn=_prepare_child if sys.platform == "linux" else None,
    )
    threading.Thread(target=_end_with_stdin, args=(process,), daemon=True).start()
    code = process.wait()
    _kill_rest(process.pid)
    return 128 - code if code < 0 else code


def _ignore_signals() -> None:
    """Leave signals of a terminal or of systemd to the app, which ends its runs first."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _prepare_child() -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # if this process is killed
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(_OOM_SCORE)


def _prctl(option: int, value: int) -> None:
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _end_with_stdin(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.read(0, 1)
    _signal_group(process.pid, "SIGTERM", process)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
        return
    _signal_group(process.pid, "SIGKILL", process)


def _signal_group(group: int, name: str, process: subprocess.Popen[bytes] | None = None) -> None:
    """Send a signal to ComfyUI's process group; on Windows, end ComfyUI itself."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.killpg(group, getattr(signal, name))
    elif process is not None:
        process.kill()


def _kill_rest(group: int) -> None:
    """Kill the processes that ComfyUI left behind: its group, and on Linux all its descendants,
    which became children of this process."""
    _signal_group(group, "SIGKILL")
    if sys.platform == "linux":
        while children := _children():
            for pid in children:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)


def _children() -> list[int]:
    path = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
    with contextlib.suppress(OSError), open(path) as file:
        return [int(pid) for pid in file.read().split()]
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
