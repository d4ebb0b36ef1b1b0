"""The app as a separate process beside ComfyUI. Imports nothing from ComfyUI or the app."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from importlib.metadata import PackageNotFoundError, distribution
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from .environment import AppEnvironment
from .guard import OrderRefused
from .problems import NotOpened, WouldReplace

_PORT = 7860  # the app's default, if it is free
_START_SECONDS = 300.0  # after the installation, Python compiles the modules
_PAUSE = 0.1  # seconds
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # where a server on all addresses answers
_HERE_ONLY = (
    "ComfyForms only accepts browsers on ComfyUI's own machine. Choose File → ComfyForms on other"
    " devices there, or set the environment variable COMFYFORMS_HOST to 0.0.0.0, or"
    " OPEN_AS_FORM_URL to the address of a proxy in front of ComfyForms, and restart ComfyUI."
)
_NOT_YOURS = "Only a browser on ComfyUI's own machine can change this."
_APP_COMMAND = Path(__file__).with_name("app_command.json")
_GUARD = Path(__file__).with_name("until_stdin_ends.py")
_OUTSIDE = ("192.0.2.1", 9)  # an address for documentation; nothing is sent there
_DRAW_CODE = (
    "import segno, sys; print(segno.make_qr(sys.stdin.read()).svg_data_uri(scale=6, light='white'))"
)
_GROUP = "ComfyUI"  # folder of the workflows from ComfyUI
_MOST = 200  # of them


class Devices(NamedTuple):
    """Access to the app. `url`: for other devices if they can reach it, otherwise for this machine.
    `shared`: whether they can. `code`: QR code of the URL as a data URL, "" if it isn't shared or
    can't be drawn. `may_change`: whether this browser may change `shared`."""

    url: str
    shared: bool
    code: str
    may_change: bool


class FormsApp:
    """The app, started when it is first needed and stopped with this process. `folder`: for its
    data and its workflows. `url`: the address for browsers if a proxy is in front of it. `host`:
    where it listens, in the format of its variable; "" lets the user choose in the menu. `source`:
    as for AppEnvironment."""

    def __init__(self, folder: Path, url: str = "", host: str = "", source: str = "") -> None:
        self._folder = folder
        self._url = url.rstrip("/")
        self._given_host = host
        self._environment = AppEnvironment(folder, (sys.executable, str(_GUARD)), source)
        self._python = ""  # which runs the app, if known
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._lock = threading.Lock()

    def open(
        self,
        comfyui: str,
        name: str,
        workflow: Mapping[str, object],
        browser: str = "",
        *,
        replace: bool = False,
    ) -> str:
        """Store a workflow under this name and return the URL of its form. `browser`: as from
        `browser_host`. Raises NotOpened, and WouldReplace if another workflow has this name and
        `replace` is False."""
        with self._lock:
            self.address(browser)  # raises before anything is started
            stem = name.removesuffix(".json")
            kept = "".join(c if c.isalnum() or c in "_ -" else "-" for c in stem).strip()[:80]
            kept = kept or "workflow"
            file = self._folder / "workflows" / _GROUP / f"{kept}.json"
            _check_place(file, workflow, replace=replace)
            self._start(comfyui)
            file.parent.mkdir(parents=True, exist_ok=True)
            whole = file.with_suffix(".part")
            whole.write_text(json.dumps(workflow), encoding="utf-8")
            whole.replace(file)
            return f"{self.address(browser)}/?workflow={quote(f'{_GROUP}/{kept}')}"

    def devices(self, comfyui: str, browser: str, *, share: bool | None) -> Devices:
        """Return who can reach the app, and start it if necessary. `share`: let other devices on
        the network use it, or not; None changes nothing. `browser`: as for `open`. Raises
        NotOpened, and OrderRefused if this browser may not change it."""
        with self._lock:
            self.address(browser)
            may_change = not (browser or self._url or self._given_host)
            if share is not None and share != self._shared_file.exists():
                if not may_change:
                    raise OrderRefused(403, _NOT_YOURS)
                self.end()
                self._folder.mkdir(parents=True, exist_ok=True)
                self._shared_file.touch() if share else self._shared_file.unlink()
            self._start(comfyui)
            shared = bool(self._url) or not _is_here_only(self._host)
            url = self.address(browser or _network_address() if shared else "")
            return Devices(url, shared, self._code(url) if shared else "", may_change)

    @property
    def _shared_file(self) -> Path:
        return self._folder / "shared"

    @property
    def _host(self) -> str:
        return self._given_host or ("0.0.0.0" if self._shared_file.exists() else "127.0.0.1")

    def _code(self, url: str) -> str:
        if not self._python:
            return ""
        command = [self._python, "-I", "-c", _DRAW_CODE]
        done = subprocess.run(command, input=url.encode(), capture_output=True, check=False)
        return done.stdout.decode().strip()

    def address(self, browser: str) -> str:
        """Return the URL at which that browser reaches the app. Raises NotOpened if it can't."""
        if self._url:
            return self._url
        if browser and _is_here_only(self._host):
            raise NotOpened(_HERE_ONLY)
        name = browser if browser and self._host in _LOOPBACK else _asked_at(self._host)
        return f"http://{_in_url(name)}:{self._port}"

    def end(self) -> None:
        """Stop the app, if it was started here."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()

    def _start(self, comfyui: str) -> None:
        """Start the app unless it runs. Raises NotOpened, and Installing until it is installed."""
        if self._process is not None and self._process.poll() is None:
            return
        command = _installed_command() or self._environment.command()
        self._python = command[0] if len(command) > 1 else ""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._port = _free_port(self._host)
        places = ["--data", str(self._folder / "data")]
        places += ["--workflows", str(self._folder / "workflows"), "--host", self._host]
        log = self._folder / "log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, str(_GUARD), *command),
                    *("--server", comfyui, "--port", str(self._port), *places),
                ],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
            )
        end = time.monotonic() + _START_SECONDS
        while not _lives(_asked_at(self._host), self._port):
            if self._process.poll() is not None or time.monotonic() > end:
                self.end()
                last = log.read_text(encoding="utf-8", errors="replace").strip()[-500:]
                raise NotOpened(f"ComfyForms did not start: {last or 'see its log'}")
            time.sleep(_PAUSE)


def _check_place(file: Path, workflow: Mapping[str, object], *, replace: bool) -> None:
    """Raise NotOpened if the folder is full, WouldReplace if the file has another workflow."""
    if not file.exists():
        if sum(1 for _ in file.parent.glob("*.json")) >= _MOST:
            raise NotOpened(f"ComfyForms has {_MOST} workflows. Delete some in {file.parent}.")
        return
    if not replace and not _is_same(file, workflow):
        raise WouldReplace(f"ComfyForms has another workflow or version named “{file.stem}”.")


def _is_same(file: Path, workflow: Mapping[str, object]) -> bool:
    """Return whether the file has this workflow, ignoring the editor's view."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(kept, dict) and _without_view(kept) == _without_view(workflow)


def _without_view(workflow: Mapping[str, object]) -> dict[str, object]:
    extra = workflow.get("extra")
    if not isinstance(extra, dict):
        return dict(workflow)
    return {**workflow, "extra": {key: value for key, value in extra.items() if key != "ds"}}


def _installed_command() -> list[str]:
    """Return the command of the app that put this node here with `comfyforms install-node`, or of
    an app in this Python or in the shell's path; [] without one."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        command = json.loads(_APP_COMMAND.read_text(encoding="utf-8"))
        if all(Path(part).exists() for part in command):
            return list(command)
    try:
        distribution("comfyforms")
    except PackageNotFoundError:
        program = shutil.which("comfyforms")
        return [program] if program else []
    return [sys.executable, "-m", "comfyforms"]


def _network_address() -> str:
    """Return this machine's address on its network, "" without one."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(_OUTSIDE)
        return str(asking.getsockname()[0])
    return ""


def unsaved_name(name: str, workflow: Mapping[str, object]) -> str:
    """Return a unique name for an unsaved workflow, as all unsaved ones have the same name. The
    view's position, in `extra`, is ignored."""
    shown = {key: value for key, value in workflow.items() if key != "extra"}
    mark = hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:6]
    return f"{name.removesuffix('.json')[:50]} {mark}"


def server_url(address: str, port: int) -> str:
    """Return the URL of a ComfyUI that listens at this address."""
    return f"http://{_in_url(_asked_at(address))}:{port}"


def browser_host(host_header: str, own: str, peer: str) -> str:
    """Return the host by which a browser on another machine reaches this one; "" for a browser on
    this machine. `host_header`: the request's `Host` header; `own` and `peer`: the addresses of
    both ends of its connection."""
    host = urlsplit(f"//{host_header}").hostname or ""
    is_here = _is_here_only(host) and _is_here_only(peer)  # and not through a proxy
    return "" if is_here or (peer == own and not _is_here_only(own)) else host


def _is_here_only(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _asked_at(host: str) -> str:
    """Return the address at which this machine reaches a server that listens there."""
    return _LOOPBACK.get(host, host)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _free_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in (_PORT, 0):
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            if os.name == "posix":  # as the app does: a port of an ended program is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    return 0


def _lives(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
