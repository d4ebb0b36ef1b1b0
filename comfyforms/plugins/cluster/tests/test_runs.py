"""Runs of two processes with one ComfyUI server: both processes show and stop them. Hostile rows of
the engine's queue and hostile messages on the wire change no run."""

from __future__ import annotations

import base64
import json
import os
import pickle
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import websocket
from sqlalchemy import create_engine, text

from comfy.comfyui.protocol.run_state import Phase, RunState
from comfyforms.plugins.cluster.messaging.states import state_to_wire
from comfyforms.plugins.cluster.messaging.wire import Wire
from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.pages import page_showing
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from comfyforms.plugins.cluster.tests.kills import check_executed_once
from comfyforms.plugins.cluster.tests.wires import Received, running_wire
from tests.support.waiting import eventually

PICKLED = """
    INSERT INTO dbos.workflow_status
    SELECT (jsonb_populate_record(known, CAST(:changed AS jsonb))).*
    FROM dbos.workflow_status AS known LIMIT 1
"""


@pytest.fixture(scope="module")
def cluster(own_temporary_folder: Path) -> Iterator[Cluster]:
    """Run a cluster for all tests of this file."""
    with running_cluster(apps=2, servers=1, step_seconds=0.05) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: Cluster) -> ClusterClient:
    return ClusterClient(cluster)


class Attack:
    """Object whose unpickling creates a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._folder),)


def test_all_processes_show_a_run_and_its_end(cluster: Cluster, client: ClusterClient) -> None:
    """Pages at all processes get previews, and each stream of events has one end. The run is
    executed once, has one record, and its result is the same file everywhere."""
    run = client.submit(20, at=cluster.apps[0])
    with ExitStack() as stack:
        pages = [stack.enter_context(page_showing(client, run, app)) for app in cluster.apps]
        streams = [list(client.events(run, app)) for app in cluster.apps]
        for page in pages:
            page.wait_for("done")
            assert page.seen.frames
            assert page.seen.cuts == 0
    for events in streams:
        assert [name for name, _ in events].count("end") == 1
        assert events[-1][1]["phase"] == "done"
    for app in cluster.apps:
        found = client.ask(app, "GET", "/runs").json()["runs"]
        assert [one["id"] for one in found].count(run) == 1
    files = {client.ask(app, "GET", f"/runs/{run}/files/0").content for app in cluster.apps}
    assert len(files) == 1
    check_executed_once(cluster, [run])


def messages_of(run: str, socket: websocket.WebSocket) -> list[str]:
    """Return the types of a run's messages once its last one has come; [] if it doesn't."""
    kinds = []
    with suppress(websocket.WebSocketTimeoutException):
        while True:
            message = socket.recv()
            event = json.loads(message) if isinstance(message, str) else {"data": {}}
            if event["data"].get("prompt_id") == run:
                kinds.append(event["type"])
                if event["type"] == "executing" and event["data"]["node"] is None:
                    return kinds
    return []


def test_messages_of_a_run_that_was_too_quick_arrive(
    cluster: Cluster, client: ClusterClient
) -> None:
    """A program's socket gets all messages of a run, from the first one on, also at a process that
    hears of the run only after its end."""
    at, other = cluster.apps
    address = f"{other.url.replace('http', 'ws')}/ws?clientId=program"
    socket = websocket.create_connection(address, timeout=3, cookie=client.cookie)
    try:
        eventually(lambda: messages_of(client.submit(1, at=at), socket), "messages of a first run")
        other.freeze()
        run = client.submit(1, at=at)
        client.wait_for(run, "done", at)
        other.wake()
        kinds = messages_of(run, socket)
        assert kinds[0] == "execution_start"
        assert {"executing", "executed", "execution_success"} <= set(kinds)
    finally:
        other.wake()
        socket.shutdown()  # type: ignore[no-untyped-call]


def test_a_stop_reaches_the_server_from_any_process(
    cluster: Cluster, client: ClusterClient
) -> None:
    """A stop at a process that doesn't execute the run interrupts the prompt. All processes show
    the end."""
    with cluster.slow_servers():
        run = client.submit(60)
        executor = cluster.executor_of(run)
        client.wait_for(run, "running", executor)
        other = next(app for app in cluster.apps if app is not executor)
        client.stop(run, at=other)
        for app in cluster.apps:
            client.wait_for(run, "stopped", app)
    cluster.wait_for_outcome(run, "interrupted")
    assert len(cluster.executions_of(run)) == 1


def execute(cluster: Cluster, statement: str, **values: object) -> list[tuple[object, ...]]:
    """Execute a statement as the owner of the database."""
    engine = create_engine(cluster.database)
    with engine.begin() as rows:
        found = rows.execute(text(statement), values)
        answer = [tuple(row) for row in found] if found.returns_rows else []
    engine.dispose()
    return answer


def test_a_pickled_value_is_refused(
    cluster: Cluster, client: ClusterClient, tmp_path: Path
) -> None:
    """A row of the engine's queue whose arguments are pickled runs no code, and the queue works
    afterwards."""
    run = client.submit(2)
    assert client.ends([run]) == {run: "done"}
    harmless, target = tmp_path / "harmless", tmp_path / "target"
    pickle.loads(pickle.dumps(Attack(harmless)))
    assert harmless.exists()
    pickled = base64.b64encode(pickle.dumps(Attack(target))).decode()
    changed = {
        "workflow_uuid": "attack",
        "status": "ENQUEUED",
        "queue_name": "runs",
        "serialization": "py_pickle",
        "inputs": pickled,
        "output": pickled,
        "error": pickled,
    }
    execute(cluster, PICKLED, changed=json.dumps(changed))

    def status() -> object:
        return execute(
            cluster, "SELECT status FROM dbos.workflow_status WHERE workflow_uuid = 'attack'"
        )[0][0]

    eventually(lambda: status() != "ENQUEUED", "a process that takes the row")
    run = client.submit(2)
    assert client.ends([run]) == {run: "done"}
    assert not target.exists()
    execute(cluster, "DELETE FROM dbos.workflow_status WHERE workflow_uuid = 'attack'")


def publish_state(wire: Wire, run: str, version: tuple[int, int], state: RunState) -> bytes:
    """Publish a state as the process that executes the run would, and return the body."""
    packed = state_to_wire(state)
    header = {"run": run, "version": version, "size": len(packed)}
    body = json.dumps(header).encode() + b"\n" + packed
    wire.publish("states", body)
    return body


def test_messages_alone_end_no_run(cluster: Cluster, client: ClusterClient) -> None:
    """False ends with a high version are shown by no process, and all show the true end."""
    assert cluster.redis is not None
    with cluster.slow_servers(), running_wire(cluster.redis.url) as wire:
        run = client.submit(20)
        cluster.wait_for_outcome(run)
        for app in cluster.apps:
            client.wait_for(run, "running", app)
        came = Received(wire, "states")
        for phase in (Phase.DONE, Phase.FAILED, Phase.STOPPED, Phase.LOST, Phase.RUNNING):
            state = RunState(run, phase, finished_at=time.time())
            came.wait_for(publish_state(wire, run, (2**40, 1), state))
        later = client.submit(2)
        for app in cluster.apps:  # later messages than ours have come everywhere
            client.wait_for(later, "waiting", app)
            assert client.run(run, app)["phase"] == "running"
    assert client.ends([run, later]) == {run: "done", later: "done"}
    for app in cluster.apps:
        client.wait_for(run, "done", app)
    check_executed_once(cluster, [run, later])
