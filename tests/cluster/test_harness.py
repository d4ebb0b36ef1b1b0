"""The harness itself, with an app of one process and without a wire."""

from __future__ import annotations

from tests.support.cluster import running_cluster
from tests.support.cluster_client import ClusterClient, shown
from tests.support.waiting import eventually


def test_the_journal_counts_executions_across_kills() -> None:
    """The journal has one execution of each run, although the app is killed and started again, and
    knows the prompt that a killed server has lost."""
    with running_cluster(apps=1, servers=1, step_seconds=0.05, wire=False) as cluster:
        (app,), (server,) = cluster.apps, cluster.servers
        client = ClusterClient(cluster)
        key = "a" * 32
        run = client.submit(30, key=key)
        with shown(client, run, app) as page:
            eventually(lambda: page.seen.frames, "a frame")
            assert cluster.executor_of(run) is app
            assert app.connections_to(server)
            app.restart()
            assert client.submit(30, key=key) == run
            assert client.ends([run]) == {run: "done"}
            eventually(lambda: page.seen.phase == "done", "the end on the page")
            assert page.seen.cuts == 1
        (execution,) = cluster.executions_of(run)
        assert (execution.outcome, execution.server) == ("success", server.name)
        lost = client.submit(60)
        eventually(lambda: cluster.executions_of(lost), "an execution")
        server.restart()
        assert cluster.executions_of(lost)[0].outcome == "killed"
        assert app.terminate() < 10
