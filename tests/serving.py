"""The whole app in this process, on free ports: for tests and benchmarks."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from comfy.client import Client
from comfy.demo import DemoServer
from comfy.files_kept import FilesKept
from comfy.folder import WorkflowFolder
from comfy.history import History
from comfy.runs import RunLimits, Runs
from ui.backend import Backend
from ui.catalogue import LiveCatalogue
from ui.limits import WebLimits
from ui.permissions import Permissions
from ui.server import Server, WebSettings, build_app, web_config

WORKFLOWS = Path(__file__).parent.parent / "workflows"
START_SECONDS = 20
SECRET = b"0123456789abcdef0123456789abcdef"  # of every app here: cookies of tests are signed with it


@dataclass(frozen=True)
class RunningApp:
    """An app that answers at `url`; `backend` is what it works with, `asgi` what its web server calls."""

    url: str
    backend: Backend
    asgi: FastAPI


@contextlib.contextmanager
def running_app(
    server_url: str,
    *,
    workflows: Path = WORKFLOWS,
    data: Path | None = None,
    may_keep: bool = False,
    permissions: Permissions | None = None,
    settings: WebSettings | None = None,
    limits: WebLimits | None = None,
    run_limits: RunLimits | None = None,
    remembers: bool = True,
    demo: bool = True,
    **options: Any,
) -> Iterator[RunningApp]:
    """Serve the app for the ComfyUI at `server_url`; on leaving, stop it as SIGTERM would.

    `may_keep`: for everybody, and all are trusted; `permissions` say it in detail.
    `data`: where the history is, for a test that looks at it in another life. `options` are those of `Runs`.
    """
    with (
        Client(server_url) as client,
        tempfile.TemporaryDirectory() as files,
        contextlib.closing(open_history(data or Path(files) / "data")) as history,
    ):
        runs = Runs(client, history=history if remembers else None, limits=run_limits, **options)
        runs.resume()
        backend = Backend(
            client,
            runs,
            WorkflowFolder(workflows),
            LiveCatalogue(client),
            demo=demo,
            files=Path(files),
            permissions=permissions or Permissions(keep=lambda _: may_keep, trusts=lambda _: may_keep),
            limits=limits or WebLimits(),
            secret=SECRET,
        )
        settings = settings or WebSettings(port=0)
        asgi = build_app(backend, settings)
        config = web_config(asgi, settings, backend.limits)
        server = Server(config, backend.runs, settings)
        thread = threading.Thread(target=server.run, name="app")
        thread.start()
        try:
            yield RunningApp(f"http://127.0.0.1:{_port(server, thread)}", backend, asgi)
        finally:
            server.should_exit = True
            thread.join(timeout=10)
            assert not thread.is_alive(), "the app did not end"


def open_history(folder: Path) -> History:
    """The history in this folder, as the app opens it."""
    kept = FilesKept(folder / "files")
    return History(f"sqlite:///{folder / 'history.sqlite'}", kept)


def let_go(backend: Backend) -> None:
    """Close the connections to the server that are kept for the next call."""
    client = backend.client
    with client._lock:
        kept, client._idle = client._idle, []
    for session in kept:
        session.close()


def _port(server: Server, thread: threading.Thread) -> int:
    pause = threading.Event()
    for _ in range(START_SECONDS * 100):
        if server.started:
            return server.port
        assert thread.is_alive(), "the app ended while it started"
        pause.wait(0.01)
    raise AssertionError("the app did not start")


@contextlib.contextmanager
def running_demo_app(*, step_seconds: float = 0.02, **options: object) -> Iterator[tuple[DemoServer, RunningApp]]:
    """A stand-in server and the app in front of it."""
    with (
        DemoServer(step_seconds=step_seconds) as demo,
        running_app(demo.url, **options) as app,  # type: ignore[arg-type]
    ):
        yield demo, app
