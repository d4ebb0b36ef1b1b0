"""Processes that stop working for a while, and then continue as if nothing had happened."""

from __future__ import annotations

import threading

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.pages import page_showing
from comfyforms.plugins.cluster.tests.app_processes.running import running_cluster
from comfyforms.plugins.cluster.tests.kills import check_executed_once
from tests.support.waiting import eventually

LONG = 60  # steps
FROZEN = 12.0  # seconds; a process counts as dead after five


def test_a_frozen_process_loses_its_runs() -> None:
    """Others follow the runs of a frozen process. When it wakes, it closes its sockets to ComfyUI,
    stops nothing there, and doesn't change the records."""
    with running_cluster(apps=2, servers=1, step_seconds=0.05) as cluster:
        client, (server,) = ClusterClient(cluster), cluster.servers
        with cluster.slow_servers():
            run = client.submit(LONG)
            executor = cluster.executor_of(run)
            (other,) = (app for app in cluster.apps if app is not executor)
            with page_showing(client, run, other) as page:
                page.wait_for_frame()
                executor.freeze()
                threading.Event().wait(FROZEN)
                page.wait_for_frame()
                executor.wake()
                eventually(lambda: executor.connections_to(server) == 0, "closed sockets")
                client.wait_for(run, "running", executor)
                page.wait_for_frame()
                assert page.seen.cuts == 0
        assert client.ends([run]) == {run: "done"}
        client.wait_for(run, "done", executor)
        client.wait_for(run, "done", other)
        check_executed_once(cluster, [run])


def test_a_run_that_ends_meanwhile_has_one_end() -> None:
    """The outcome of a process that was frozen at the end of its run is refused."""
    with running_cluster(apps=2, servers=1, step_seconds=0.05) as cluster:
        client, (server,) = ClusterClient(cluster), cluster.servers
        server.slow_down()
        run = client.submit(LONG)
        executor = cluster.executor_of(run)
        (other,) = (app for app in cluster.apps if app is not executor)
        client.wait_for(run, "running", executor)
        executor.freeze()
        server.speed_up()
        client.wait_for(run, "done", other)
        before = client.run(run, other)
        executor.wake()
        next_run = client.submit(2, at=executor)
        assert client.ends([next_run]) == {next_run: "done"}
        assert client.run(run, executor)["phase"] == "done"
        assert client.run(run, other) == before
        check_executed_once(cluster, [run, next_run])


def test_a_process_takes_over_from_itself() -> None:
    """If no other process can execute runs, a frozen one takes its own runs over when it wakes, and
    follows each once."""
    with running_cluster(apps=1, servers=1, step_seconds=0.05) as cluster:
        client, (executor,) = ClusterClient(cluster), cluster.apps
        pages = cluster.add_app("--execute", "no")
        pages.start()
        with cluster.slow_servers():
            run = client.submit(LONG, at=pages)
            client.wait_for(run, "running", pages)
            executor.freeze()
            eventually(lambda: "is gone" in pages.said(), "the end of the process")
            executor.wake()
            began = f"Run {run} begins"
            eventually(lambda: executor.said().count(began) == 2, "the second execution")
        assert client.ends([run]) == {run: "done"}
        check_executed_once(cluster, [run])
        assert executor.said().count(f"Run {run} ended") == 2
        assert executor.said().index(f"Run {run} ended") < executor.said().rindex(began)
