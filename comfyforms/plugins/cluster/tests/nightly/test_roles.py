"""ComfyUI servers that die, and processes that only execute or only serve pages."""

from __future__ import annotations

import requests
from sqlalchemy import select, update

from comfy.records.database import new_engine
from comfyforms.plugins.cluster.tables import left_behind, live, lock, processes
from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.pages import page_showing
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from comfyforms.plugins.cluster.tests.kills import check_executed_once
from tests.support.waiting import LONGEST_WAIT, eventually

LONG = 60  # steps


def test_a_dead_server_gives_its_run_to_another_one() -> None:
    """The active run is executed again elsewhere, as in one process. Waiting runs wait for the
    other server."""
    with running_cluster(apps=2, servers=2, step_seconds=0.05) as cluster:
        client = ClusterClient(cluster)
        with cluster.slow_servers():
            runs = [client.submit(LONG) for _ in range(2)]
            names = [cluster.wait_for_outcome(run).server for run in runs]
            waiting = client.submit(2)
            (dead,) = (server for server in cluster.servers if server.name == names[0])
            client.stop(runs[1], at=cluster.apps[0])
            dead.kill()
        assert client.ends([runs[0], waiting]) == {runs[0]: "done", waiting: "done"}
        outcomes = [one.outcome for one in cluster.executions_of(runs[0])]
        assert outcomes == ["killed", "success"]
        check_executed_once(cluster, [waiting])


def test_processes_have_roles() -> None:
    """A process without pages executes runs and has only its health check and metrics. A process
    that doesn't execute shows runs of others."""
    with running_cluster(apps=0, servers=1) as cluster:
        pages, worker = cluster.add_app("--execute", "no"), cluster.add_app("--pages", "no")
        for app in cluster.apps:
            app.launch()
        for app in cluster.apps:
            app.wait_until_ready()
        client = ClusterClient(cluster)
        run = client.submit(20, at=pages)
        assert cluster.executor_of(run) is worker
        with page_showing(client, run, pages) as page:
            page.wait_for("done")
        assert not pages.has_begun(run)
        check_executed_once(cluster, [run])
        assert requests.get(f"{worker.url}/health", timeout=LONGEST_WAIT).text == "alive\n"
        assert client.ask(worker, "GET", "/runs").status_code == 404
        worker.kill()
        waiting = client.submit(2, at=pages)
        worker.start()
        client.wait_for(waiting, "done", pages)


def test_a_stop_reaches_a_prompt_without_a_process() -> None:
    """A run whose process has ended can be stopped. The next process interrupts its prompt, which
    the server executes meanwhile."""
    with running_cluster(apps=1, servers=1) as cluster:
        client, (executor,) = ClusterClient(cluster), cluster.apps
        pages = cluster.add_app("--execute", "no")
        pages.start()
        with cluster.slow_servers():
            run = client.submit(LONG, at=pages)
            client.wait_for(run, "running", pages)
            executor.terminate()
            executor.kill()  # forgets the process that has ended
            client.stop(run, at=pages)
            executor.start()
            client.wait_for(run, "stopped", pages)
            cluster.wait_for_outcome(run, "interrupted")


def servers_with_prompts(cluster: Cluster) -> list[str]:
    """Return the servers at which prompts were left behind."""
    database = new_engine(cluster.database)
    with database.connect() as connection:
        found = list(connection.execute(select(left_behind.c.url)).scalars())
    database.dispose()
    return found


def test_a_prompt_left_behind_is_canceled_by_another_process() -> None:
    """A server stops to answer, and its run is executed elsewhere. The process that would cancel
    the first prompt dies; another one does so once the server answers again."""
    with running_cluster(apps=2, servers=2, step_seconds=0.05) as cluster:
        client = ClusterClient(cluster)
        with cluster.slow_servers():
            run = client.submit(LONG)
            first = cluster.wait_for_outcome(run)
            executor = cluster.executor_of(run)
            (away,) = (server for server in cluster.servers if server.name == first.server)
            away.freeze()
            eventually(lambda: len(cluster.executions_of(run)) == 2, "an execution elsewhere")
            eventually(lambda: servers_with_prompts(cluster) == [away.url], "a prompt left there")
            executor.kill()
            eventually(lambda: cluster.begins(run) > 1, "a takeover")
            away.wake()
            eventually(lambda: not servers_with_prompts(cluster), "its end")
        assert client.ends([run]) == {run: "done"}
        outcomes = {one.server: one.outcome for one in cluster.executions_of(run)}
        assert outcomes.pop(away.name) == "interrupted"
        assert list(outcomes.values()) == ["success"]


def test_a_claimed_run_is_executed() -> None:
    """A process hands over a run that it has claimed but doesn't execute, as after a commit that
    looked like a failure."""
    with running_cluster(apps=1, servers=1) as cluster:
        client, (app,) = ClusterClient(cluster), cluster.apps
        with cluster.slow_servers():
            first = client.submit(60)
            client.wait_for(first, "running", app)
            second = client.submit(2)
            claimed = {"process": select(processes.c.life).scalar_subquery(), "taken": 1}
            database = new_engine(cluster.database)
            with database.begin() as connection:
                lock(connection)
                connection.execute(update(live).where(live.c.run == second).values(claimed))
            database.dispose()
        assert client.ends([first, second]) == {first: "done", second: "done"}
        assert "not started" in app.said()
