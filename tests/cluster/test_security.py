"""Hostile rows of the engine's queue, and hostile messages on the wire."""

from __future__ import annotations

import base64
import json
import os
import pickle
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from comfy.cluster.messaging.state_messages import state_to_wire
from comfy.cluster.messaging.wire import Wire
from comfy.comfyui.protocol.run_state import Phase, RunState
from tests.cluster.kills import check_executed_once
from tests.cluster.wires import Received, running_wire
from tests.support.cluster.client import ClusterClient
from tests.support.cluster.running import Cluster, running_cluster
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


class Attack:
    """Object whose unpickling creates a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._folder),)


def execute(cluster: Cluster, statement: str, **values: object) -> list[tuple[object, ...]]:
    """Execute a statement as the owner of the database."""
    engine = create_engine(cluster.database)
    with engine.begin() as rows:
        found = rows.execute(text(statement), values)
        answer = [tuple(row) for row in found] if found.returns_rows else []
    engine.dispose()
    return answer


def test_a_pickled_value_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    """A row of the engine's queue whose arguments are pickled runs no code, and the queue works
    afterwards."""
    client = ClusterClient(cluster)
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


def test_messages_alone_end_no_run(cluster: Cluster) -> None:
    """False ends with a high version are shown by no process, and all show the true end."""
    assert cluster.redis is not None
    client = ClusterClient(cluster)
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
