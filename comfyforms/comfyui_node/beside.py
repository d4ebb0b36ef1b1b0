"""The app as a program beside ComfyUI. Nothing of ComfyUI or of the app is imported here."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

_PORT = 7860  # the app's own, if it is free
_START_SECONDS = 120.0
_PAUSE = 0.1  # seconds
_GROUP = "ComfyUI"  # the folder of workflows that came from there


class NotStarted(Exception):
    """The app does not run, and why."""


class FormsApp:
    """The app, started when it is first needed, and ended with this program. `folder`: where it
    keeps its data and its workflows. `url`: by which browsers find it, where a proxy stands in
    front."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self._folder = folder
        self._url = url.rstrip("/")
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._lock = threading.Lock()

    def open(self, comfyui: str, name: str, workflow: object) -> str:
        """Keep a workflow under this name, and the address of its form. Raises NotStarted."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start(comfyui)
            kept = re.sub(r"[^\w -]", "-", name).strip()[:60] or "workflow"
            file = self._folder / "workflows" / _GROUP / f"{kept}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            whole = file.with_suffix(".part")
            whole.write_text(json.dumps(workflow), encoding="utf-8")
            whole.replace(file)
            here = self._url or f"http://127.0.0.1:{self._port}"
            return f"{here}/?workflow={quote(f'{_GROUP}/{kept}')}"

    def end(self) -> None:
        """End the app, if it was started here."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()

    def _start(self, comfyui: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._port = _free_port()
        places = ["--data", str(self._folder / "data")]
        places += ["--workflows", str(self._folder / "workflows")]
        log = self._folder / "log"
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, __file__, *_command()),
                    *("--server", comfyui, "--port", str(self._port), *places),
                ],
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
            )
        end = time.monotonic() + _START_SECONDS
        while not _lives(self._port):
            if self._process.poll() is not None or time.monotonic() > end:
                self.end()
                last = log.read_text(encoding="utf-8", errors="replace").strip()[-500:]
                raise NotStarted(f"ComfyForms did not start: {last or 'see its log'}")
            time.sleep(_PAUSE)


def run_until_stdin_ends(command: Sequence[str]) -> int:
    """Run a command until it ends or the program does that started this one, however that ends. The
    exit code."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:

        def wait() -> None:
            os.read(0, 1)
            process.terminate()

        threading.Thread(target=wait, daemon=True).start()
        return process.wait()


def _command() -> list[str]:
    """What starts the app: of this Python, or of the shell. Raises NotStarted."""
    if find_spec("comfyforms"):
        return [sys.executable, "-m", "comfyforms"]
    if program := shutil.which("comfyforms"):
        return [program]
    raise NotStarted("ComfyForms is not installed: pip install comfyforms")


def _free_port() -> int:
    for port in (_PORT, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    return 0


def _lives(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(run_until_stdin_ends(sys.argv[1:]))
