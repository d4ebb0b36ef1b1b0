"""The harness itself, with an app of one process and without a wire."""

from __future__ import annotations

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.pages import page_showing
from comfyforms.plugins.cluster.tests.app_processes.running import running_cluster
from comfyforms.plugins.cluster.tests.kills import check_executed_once, kill_often
from tests.support.waiting import eventually


def test_the_journal_counts_executions_across_kills() -> None:
    """The journal has one execution of each run, although the app is killed and started again, and
    knows the prompt that a killed server has lost."""
    with running_cluster(apps=1, servers=1, step_seconds=0.05, wire=False) as cluster:
        (app,), (server,) = cluster.apps, cluster.servers
        client = ClusterClient(cluster)
        key = "a" * 32
        run = client.submit(30, key=key)
        with page_showing(client, run, app) as page:
            page.wait_for_frame()
            assert cluster.executor_of(run) is app
            assert app.connections_to(server)
            app.restart()
            assert client.submit(30, key=key) == run
            assert client.ends([run]) == {run: "done"}
            page.wait_for("done")
            assert page.seen.cuts == 1
        (execution,) = cluster.executions_of(run)
        assert (execution.outcome, execution.server) == ("success", server.name)
        lost = client.submit(60)
        eventually(lambda: cluster.executions_of(lost), "an execution")
        server.restart()
        assert cluster.executions_of(lost)[0].outcome == "killed"
        assert app.terminate() < 10


def test_one_process_survives_kills() -> None:
    """Without a wire, an app that is killed and started again executes each run once."""
    with running_cluster(apps=1, servers=2, step_seconds=0.05, wire=False) as cluster:
        client = ClusterClient(cluster)
        run_ids = kill_often(client, cluster.apps, kills=2, seed=1)
        assert set(client.ends(run_ids).values()) == {"done"}
        check_executed_once(cluster, run_ids)
