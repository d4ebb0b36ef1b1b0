"""Server that requires a login or has a certificate, and its clients: a run, a socket and a
shell."""

from __future__ import annotations

import base64
import datetime
import ssl
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from comfy.__main__ import main
from comfy.base.errors import ComfyError
from comfy.comfyui.client.client import Client
from comfy.comfyui.client.event_stream import EventStream
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.record import Job
from comfy.runs.interface import UNWATCHED, Origin
from tests.support.registries import EmbeddedRegistry
from tests.support.sampler import prompt

USER, PASSWORD = "svc", "hunter2 s@cret/ü"
SECRET = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
BASIC = f"Authorization: Basic {SECRET}"
USER_INFO = f"{USER}:{quote(PASSWORD, safe='')}"
LIMIT = 20.0  # seconds; patience with a server that is away is 120


def certificate(ca: trustme.CA, *names: str, **options: datetime.datetime) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(
        *(names or ("localhost", "127.0.0.1", "::1", "comfy.test")), **options
    ).configure_cert(context)
    return context


def run_through(client: Client) -> tuple[RunState, list[RunState]]:
    """Run a prompt to its end. Return the final state, and the earlier states with a preview."""
    runs = EmbeddedRegistry(ServerPool(client))
    try:
        run = runs.submit(Job(prompt(7, steps=4), "test"), Origin("me"), UNWATCHED)
        states = list(run.watch(timeout=LIMIT))
    finally:
        runs.close()
    return states[-1], [state for state in states if state.preview]


def shell(workflow: Path, *arguments: str) -> int:
    """Run `python -m comfy run` and save its files in the workflow's folder."""
    return main(["run", str(workflow), "--out", str(workflow.parent), *arguments])


def open_socket(client: Client) -> None:
    """Open and close the WebSocket of a run."""
    stream = EventStream(client, "me", receive=lambda _: None, ended=lambda *_: None)
    stream.open()
    stream.close()


def ends_at_once(client: Client) -> None:
    """Start a run that fails before it is sent, and raise its error."""
    state, _ = run_through(client)
    assert state.phase is Phase.FAILED
    assert state.error is not None
    raise ComfyError(state.error.message, state.error.hint)


def failures(url: str) -> set[str]:
    said = set()
    with Client(url) as client:
        for way in (client.queue, partial(ends_at_once, client)):
            with pytest.raises(ComfyError) as error:
                way()
            said.add(f"{error.value} {error.value.hint}")
    return said
