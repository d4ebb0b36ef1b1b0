"""Folder of a ComfyUI whose `main.py` runs the stand-in, and crashes when a test wants it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.support.waiting import eventually

_ROOT = Path(__file__).parents[2]
_PYTHON = f"""#!/bin/sh
exec {sys.executable} "$@"
"""
_MAIN = f"""
import argparse, os, pathlib, signal, subprocess, sys, tempfile
sys.path.insert(0, {str(_ROOT)!r})
from comfyui_standin import DemoServer

parser = argparse.ArgumentParser()
parser.add_argument("--listen")
parser.add_argument("--port", type=int)
parser.add_argument("--disable-auto-launch", action="store_true")
parser.add_argument("--preview-method")
parser.add_argument("--step-seconds", type=float, default=0)
args = parser.parse_args()
here = pathlib.Path(__file__).parent
tempfile.tempdir = str(here)
print("Starting server", flush=True)
if (here / "broken").exists():
    sys.exit("A custom node broke the start")

def run_out_of_memory(*_):
    print("torch.OutOfMemoryError: Allocation on device", file=sys.stderr, flush=True)
    os._exit(1)

signal.signal(signal.SIGUSR1, run_out_of_memory)
child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
print("Secret:", os.environ.get("COMFYFORMS_LOGIN"), flush=True)
server = DemoServer(host=args.listen, port=args.port, step_seconds=args.step_seconds, painted=64)
server.start()
(here / "processes.part").write_text(f"{{os.getpid()}} {{child.pid}}")
(here / "processes.part").rename(here / "processes")
print(f"To see the GUI go to: {{server.url}}", flush=True)
signal.pause()
"""


class FakeComfyUI:
    """ComfyUI in a folder."""

    def __init__(self, folder: Path) -> None:
        """Write its files."""
        self.folder = folder
        (folder / "main.py").write_text(_MAIN)
        python = folder / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(_PYTHON)
        python.chmod(0o700)

    def wait(self, *former: int) -> tuple[int, int]:
        """Return the ids of the process and of its own child as soon as it listens; `former`: the
        ids of an earlier start."""
        found: list[int] = []

        def listens() -> bool:
            file = self.folder / "processes"
            found[:] = map(int, file.read_text().split()) if file.exists() else []
            return bool(found) and found[0] not in former

        eventually(listens, "ComfyUI listens")
        return found[0], found[1]

    def crash(self, number: int = signal.SIGKILL) -> tuple[int, int]:
        """Send the process a signal: SIGUSR1 makes it run out of memory. Return its former ids."""
        ids = self.wait()
        os.kill(ids[0], number)
        return ids

    def break_start(self) -> None:
        """Make later starts fail."""
        (self.folder / "broken").touch()


def is_alive(pid: int) -> bool:
    """Return whether a process exists and isn't a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
