"""A ComfyUI server from a checkout, with another front end, on a free port of this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_START = 300.0  # seconds
_SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Workflow.Persist": False,
    "Comfy.Workflow.ShowMissingModelsWarning": False,
    "Comfy.Workflow.ShowMissingNodesWarning": False,
    "Comfy.Workflow.WarnBlueprintOverwrite": False,
    "Comfy.Notification.ShowVersionUpdates": False,
}


@contextmanager
def comfyui(checkout: Path, python: Path, front_end: Path, base: Path) -> Iterator[str]:
    """Run the server and yield its address. `base`: a folder for its models, inputs and settings.
    Raises RuntimeError if it doesn't answer within five minutes."""
    settings = base / "user" / "default" / "comfy.settings.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(_SETTINGS))
    (base / "custom_nodes").mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "--listen": "127.0.0.1",
        "--port": str(port),
        "--base-directory": str(base),
        "--front-end-root": str(front_end),
        "--preview-method": "latent2rgb",
        "--database-url": "sqlite:///:memory:",
    }
    # This project's own `comfy` must not hide ComfyUI's.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    words = [word for option in options.items() for word in option]
    command = [str(python), "main.py", "--cpu", "--disable-auto-launch", *words]
    log_file = base / "server.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=checkout,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment | {"HF_HUB_OFFLINE": "1"},
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url, process, log_file)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def answer(url: str, path: str) -> Any:
    """Return the JSON at a path of the server."""
    with urllib.request.urlopen(url + path, timeout=120) as response:
        return json.load(response)


def change_setting(url: str, name: str, value: object) -> None:
    """Change one of the editor's settings, for pages that are opened later."""
    headers = {"Content-Type": "application/json"}
    body = json.dumps(value).encode()
    request = urllib.request.Request(f"{url}/settings/{name}", body, headers, method="POST")
    urllib.request.urlopen(request, timeout=120).close()


def _wait_for(url: str, process: subprocess.Popen[bytes], log_file: Path) -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end and process.poll() is None:
        try:
            answer(url, "/system_stats")
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise RuntimeError(f"ComfyUI didn't start: see {log_file}.")
