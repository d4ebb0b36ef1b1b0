"""Runs of a single app continue in a cluster."""

from __future__ import annotations

from pathlib import Path

from comfyforms.plugins.cluster.command import manage_cluster
from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.running import running_cluster
from comfyforms.plugins.cluster.tests.redis import running_redis
from tests.support.postgres import postgres_server


def test_a_run_continues_in_the_cluster(own_temporary_folder: Path) -> None:
    """The single app is killed during a run. After the import, a process of the cluster follows the
    run at its ComfyUI server, and nothing is executed twice."""
    with (
        running_cluster(apps=1, servers=1, step_seconds=0.05, wire=False) as cluster,
        postgres_server() as postgres,
        running_redis() as redis,
    ):
        client = ClusterClient(cluster)
        done = client.submit(2)
        assert client.ends([done]) == {done: "done"}
        runs = [client.submit(60), client.submit(2)]
        cluster.wait_for_outcome(runs[0])
        cluster.apps[0].kill()
        shared = ("--database", postgres.url, "--wire", redis.url)
        assert (
            manage_cluster(
                ["import", "--from", str(cluster.data), "--data", str(cluster.data), *shared]
            )
            == 0
        )
        app = cluster.add_app(*shared)
        app.start()
        cluster.apps.remove(cluster.apps[0])
        try:
            assert client.ends(runs) == dict.fromkeys(runs, "done")
            assert all(len(cluster.executions_of(run)) == 1 for run in runs)
            assert client.run(done)["phase"] == "done"
        finally:
            app.kill()
