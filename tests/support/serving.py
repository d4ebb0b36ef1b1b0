"""The whole app in this process, on free ports, for tests and benchmarks."""

from __future__ import annotations

import contextlib
import functools
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi._compat import v2
from gradio.routes import App
from pydantic import BaseModel, SecretStr, TypeAdapter
from sqlalchemy import Connection, create_engine

from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import CheckPauses, ServerPool
from comfy.downloads import DownloadSettings
from comfy.launch.payment import Payment
from comfy.library.folder import WorkflowFolder
from comfy.library.permissions import Permissions
from comfy.library.private import PrivateWorkflows
from comfy.records.api_keys import ApiKeys
from comfy.records.blobs import BlobStore, HistoryLimits
from comfy.records.store import RunStore
from comfy.runs.interface import RunRegistry
from comfy.runs.limits import RunLimits
from comfy.webhooks.waiting import WebhookSettings
from comfyui_standin import DemoServer
from tests.support.leaks import closing
from tests.support.ports import listening_socket
from tests.support.registries import history_address, new_registry
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.files.deleting import RunDeletion
from ui.gradio import internals
from ui.server import Server, build_app, web_config
from ui.services import OptionalParts, Services, wire
from ui.settings.web_settings import WebSettings
from ui.web.identity import NOBODY
from ui.web.limits import WebLimits
from ui.web.server_health import CheckIntervals
from ui.web.uvicorn_protocols import PageConnection

WORKFLOWS = Path(__file__).parents[2] / "workflows"
# Pixels: few tests look closely at what a stand-in has painted. Usual shapes keep theirs at it.
PAINTED = 192
SECRET = (
    b"0123456789abcdef0123456789abcdef"  # of every app here: cookies of tests are signed with it
)


def copy_workflow(name: str, folder: Path) -> None:
    """Copy a shipped workflow with its form and its pictures."""
    for file in WORKFLOWS.glob(f"{name}[.-]*"):
        shutil.copy(file, folder)


@dataclass(frozen=True, slots=True)
class RunningApp:
    """Running app and its parts: its address `url`, its `services`, the run registry `runs`, the
    ASGI app `asgi`, and its history folder `data`."""

    url: str
    services: Services
    runs: RunRegistry
    asgi: FastAPI
    client: Client
    server: Server
    data: Path

    @property
    def deletion(self) -> RunDeletion:
        """Return the service that deletes the app's runs."""
        return RunDeletion(self.services.runs, self.services.copies, self.services.clean_up)

    def close_idle(self) -> None:
        """Close the idle connections to the ComfyUI server and from browsers."""
        self.client.close_idle()
        for connection in list(self.server.server_state.connections):
            if isinstance(
                connection, PageConnection
            ):  # one that is busy closes when it has answered
                connection.loop.call_soon_threadsafe(connection.shutdown)

    def end_runs(self) -> None:
        """Cancel all runs, so that the next test finds none."""
        for run in self.runs.known():
            run.cancel()
        eventually(lambda: all(run.state.phase.finished for run in self.runs.known()))
        self.close_idle()


@functools.cache
def share_schemas() -> None:
    """Build the schema of each document once per process. FastAPI builds them again for each app,
    which takes two thirds of the processor time of an app's start."""
    shared: dict[tuple[object, str], TypeAdapter[Any]] = {}

    def adapter(annotated: Any, config: None = None) -> TypeAdapter[Any]:
        document = annotated.__origin__
        if isinstance(document, type) and issubclass(document, BaseModel):
            return TypeAdapter(annotated, config=config)  # has its schema already
        key = (document, repr(annotated.__metadata__))
        if key not in shared:
            shared[key] = TypeAdapter(annotated, config=config)
        return shared[key]

    v2.TypeAdapter = adapter  # type: ignore[attr-defined, assignment]


@functools.cache
def check_gradio_once() -> None:
    """Check Gradio's parts for the first app only: the others in this process have the same ones,
    and the check takes a tenth of an app's start."""
    check, checked = internals.missing_parts, list[App]()

    def missing_parts(gradio: App) -> Iterator[str]:
        if not checked:
            checked.append(gradio)
            yield from check(gradio)

    internals.missing_parts = missing_parts


Served = tuple[DemoServer, RunningApp]  # the server of an app, and the app


@contextlib.contextmanager
def running_app(
    server_url: ServerAddress | str,
    *other_urls: ServerAddress | str,
    workflows: Path = WORKFLOWS,
    data: Path | None = None,
    may_keep: bool = False,
    permissions: Permissions | None = None,
    settings: WebSettings | None = None,
    limits: WebLimits | None = None,
    run_limits: RunLimits | None = None,
    kept: HistoryLimits | None = None,
    demo: bool = True,
    pace: CheckIntervals | None = None,
    pauses: CheckPauses | None = None,
    webhooks: WebhookSettings | None = None,
    downloads: DownloadSettings | None = None,
    app_key: str = "",
    **options: Any,
) -> Iterator[RunningApp]:
    r"""Serve the app for the ComfyUI at `server_url` and any others. On exit, stop it as SIGTERM
    would.

    `may_keep` lets every user keep workflows and makes all of them trusted. `permissions` sets the
    same in detail. `pace` sets how often the app checks the server's health, and `pauses` does so
    for each of several servers. `app_key` is the app's comfy.org API key. `data` is the history folder, for tests that read it after a
    restart. `options` are passed to `LocalRunRegistry`; with a `grace`, runs stop without
    a page.
    """
    share_schemas()
    check_gradio_once()
    with (
        contextlib.ExitStack() as clients,
        tempfile.TemporaryDirectory() as files,
        contextlib.closing(open_history(data := data or Path(files) / "data", kept)) as history,
    ):
        client, *others = (
            clients.enter_context(connected(url)) for url in (server_url, *other_urls)
        )
        servers = clients.enter_context(ServerPool(client, *others, pauses=pauses))
        keys = ApiKeys(history.engine, lambda: SECRET, SecretStr(app_key) if app_key else None)
        runs = new_registry(
            servers,
            history=history,
            limits=run_limits,
            api_key=keys.of,
            **{"keep_running": "grace" not in options, **options},
        )
        services = wire(
            servers,
            runs,
            history.files,
            WorkflowFolder(workflows),
            data / "uploads",
            permissions=permissions
            or Permissions(keep=lambda _: may_keep, trusts=lambda _: may_keep),
            secret=SECRET,
            demo=demo,
            limits=limits,
            opened=PrivateWorkflows(history.state.opened),
            pace=pace,
            parts=OptionalParts(
                webhooks or WebhookSettings(),
                downloads or DownloadSettings(),
                Payment(keys.of, runs.history, run_limits or RunLimits(), NOBODY, keys),
            ),
        )
        settings = settings or WebSettings(port=0)
        asgi = build_app(services, settings)
        config = web_config(asgi, settings, services.limits)
        server = Server(config, services, settings)
        listeners = None if settings.port else [listening_socket(settings.host)]
        thread = threading.Thread(target=server.run, args=(listeners,), name="app")
        thread.start()
        try:
            url = f"http://127.0.0.1:{_port(server, thread)}"
            yield RunningApp(url, services, runs, asgi, client, server, data)
        finally:
            server.should_exit = True
            thread.join(timeout=LONGEST_WAIT)
            assert not thread.is_alive(), "the app did not end"
            services.batches.close()
            services.chains.close()


@contextlib.contextmanager
def connected(url: ServerAddress | str) -> Iterator[Client]:
    """Yield a client whose idle connections are closed after each test, or earlier by themselves."""
    with Client(url) as client:
        closing.append(client.close_idle)
        yield client
        closing.remove(client.close_idle)


def open_history(folder: Path, limits: HistoryLimits | None = None) -> RunStore:
    """Open the history in this folder as the app does."""
    kept = BlobStore(folder / "files")
    return RunStore(history_address(folder), kept, limits)


def _port(server: Server, thread: threading.Thread) -> int:
    pause = threading.Event()
    for _ in range(round(LONGEST_WAIT * 100)):
        if server.has_taken_up:
            return server.port
        assert thread.is_alive(), "the app ended while it started"
        pause.wait(0.01)
    raise AssertionError("the app did not start")


@contextlib.contextmanager
def changing(data: Path) -> Iterator[Connection]:
    """Open a separate connection to the history in this folder, as another program would. Commit
    when the block ends."""
    engine = create_engine(f"sqlite:///{data / 'history.sqlite'}", connect_args={"timeout": 30})
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@contextlib.contextmanager
def running_demo_app(
    *,
    step_seconds: float = 0.02,
    painted: int = PAINTED,
    anything: bool = False,
    **options: object,
) -> Iterator[tuple[DemoServer, RunningApp]]:
    """Start a stand-in server and an app that uses it. `anything`: see `DemoServer`."""
    with (
        DemoServer(step_seconds=step_seconds, painted=painted, anything=anything) as demo,
        running_app(demo.url, **options) as app,  # type: ignore[arg-type]
    ):
        yield demo, app
