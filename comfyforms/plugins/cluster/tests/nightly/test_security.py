"""False states on the wire, and a database role without rights to create tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.comfyui.protocol.run_state import Phase, RunState
from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from comfyforms.plugins.cluster.tests.test_runs import execute, publish_state
from comfyforms.plugins.cluster.tests.wires import running_wire
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def cluster(own_temporary_folder: Path) -> Iterator[Cluster]:
    """Run a cluster for all tests of this file."""
    with running_cluster(apps=2, servers=1, step_seconds=0.05) as cluster:
        yield cluster


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
