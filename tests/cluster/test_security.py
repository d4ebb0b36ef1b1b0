"""Hostile rows and messages, and a database role without rights to create tables."""

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


@pytest.mark.parametrize("version", [(2**40, 1), (1, 2**60)])
def test_a_false_state_hides_the_true_one_only_briefly(
    cluster: Cluster, version: tuple[int, int]
) -> None:
    """All processes soon show what the database says, although the false state looks newer."""
    assert cluster.redis is not None
    client = ClusterClient(cluster)
    false = 777

    def steps() -> set[int]:
        return {client.run(run, app)["steps"] for app in cluster.apps}

    with cluster.slow_servers(), running_wire(cluster.redis.url) as wire:
        run = client.submit(60)
        eventually(lambda: steps() == {60}, "the true state")
        publish_state(wire, run, version, RunState(run, Phase.RUNNING, step=5, steps=false))
        eventually(lambda: false in steps(), "the false state")
        eventually(lambda: steps() == {60}, "the true state")
        client.stop(run, at=cluster.apps[0])
    assert client.ends([run]) == {run: "stopped"}


def test_a_role_that_may_create_nothing_can_run_the_app(cluster: Cluster) -> None:
    """Once the tables exist, a process works with the rights to read and write rows. Without
    these rights, it ends with a message."""
    limited = cluster.database.replace("tests@", "limited@")
    execute(cluster, "CREATE ROLE limited LOGIN")
    app = cluster.add_app()
    app.replace_option("--database", limited)
    app.launch()
    eventually(lambda: not app.runs, "the end of the process")
    assert "Traceback" not in app.said()
    for schema in ("public", "dbos"):
        for granted in (
            f"USAGE ON SCHEMA {schema}",
            f"SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema}",
            f"USAGE ON ALL SEQUENCES IN SCHEMA {schema}",
        ):
            execute(cluster, f"GRANT {granted} TO limited")
    app.start()
    client = ClusterClient(cluster)
    run = client.submit(2, at=app)
    assert client.ends([run]) == {run: "done"}
    app.terminate()
    execute(cluster, "DROP OWNED BY limited")
    execute(cluster, "DROP ROLE limited")
