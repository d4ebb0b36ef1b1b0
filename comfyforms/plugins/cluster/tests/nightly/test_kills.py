"""Kills of processes while runs wait and work: many of them, of all processes, of the same run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.pages import RunPage, page_showing
from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from comfyforms.plugins.cluster.tests.kills import check_executed_once, kill_often
from tests.support.waiting import eventually

LONG = 60  # steps
# Three times the goals, in seconds: a busy machine is late. The tests print their figures.
BACK = 6.0  # until pages of a process that has died show their run at another one
TAKEN_OVER = 30.0  # until previews return after a kill
ENDED = 15.0  # from SIGTERM to the end of the process
MOST_TAKEOVERS = 3


@pytest.fixture(scope="module")
def cluster(own_temporary_folder: Path) -> Iterator[Cluster]:
    """Run a cluster for all tests of this file."""
    with running_cluster(apps=3, servers=4, step_seconds=0.05) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: Cluster) -> ClusterClient:
    return ClusterClient(cluster)


def test_fifty_kills_lose_nothing(
    cluster: Cluster, client: ClusterClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """All runs are executed once. Pages at the process that lives notice nothing."""
    *victims, spared = cluster.apps
    run_ids = kill_often(client, victims, spared, kills=50, seed=random.getrandbits(32))
    assert set(client.ends(run_ids).values()) == {"done"}
    check_executed_once(cluster, run_ids)
    with capsys.disabled():
        print(f"\n50 kills, {len(run_ids)} runs: none lost, none executed twice")


def test_all_processes_may_die_at_once(cluster: Cluster, client: ClusterClient) -> None:
    """Waiting and active runs of a cluster that was killed as a whole are executed once after its
    start."""
    with cluster.slow_servers():
        active = [client.submit(LONG) for _ in cluster.servers]
        for run in active:
            cluster.executor_of(run)
        waiting = [client.submit(2) for _ in range(6)]
        for app in cluster.apps:
            app.kill()
    for app in cluster.apps:
        app.launch()
    for app in cluster.apps:
        app.wait_until_ready()
    assert set(client.ends([*active, *waiting]).values()) == {"done"}
    check_executed_once(cluster, [*active, *waiting])


def test_waiting_runs_notice_no_kill(cluster: Cluster, client: ClusterClient) -> None:
    """The places of waiting runs stay the same at the other processes when the process that
    accepted them dies."""
    first, *others = cluster.apps
    with cluster.slow_servers():
        active = [client.submit(LONG, at=others[0]) for _ in cluster.servers]
        for run in active:
            cluster.executor_of(run)
        waiting = [client.submit(2, at=first) for _ in range(3)]
        ahead = len(cluster.servers)
        places = [ahead, ahead + 1, ahead + 2]
        with ExitStack() as stack:
            pages = [stack.enter_context(page_showing(client, run, *others)) for run in waiting]
            for app in others:
                client.wait_for_places(waiting, places, app)
            first.kill()
            for app in others:
                client.wait_for_places(waiting, places, app)
            first.start()
            client.wait_for_places(waiting, places, first)
            for run in active:
                client.stop(run, at=first)
            for page in pages:
                page.wait_for("done")
                assert page.seen.cuts == 0
    check_executed_once(cluster, waiting)
    client.ends(active)


@contextmanager
def two_pages(
    cluster: Cluster, client: ClusterClient, run: str, executor: AppProcess
) -> Iterator[tuple[RunPage, RunPage, AppProcess]]:
    """Show a run on a page of its process, which can move to another one, and on a page there."""
    other = next(app for app in cluster.apps if app is not executor)
    with (
        page_showing(client, run, executor, other) as own,
        page_showing(client, run, other) as elsewhere,
    ):
        own.wait_for_frame()
        elsewhere.wait_for_frame()
        yield own, elsewhere, other


def test_previews_return_after_a_kill(
    cluster: Cluster, client: ClusterClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page of the killed process shows its run at another one. Pages elsewhere get previews
    again."""
    with cluster.slow_servers():
        run = client.submit(LONG)
        executor = cluster.executor_of(run)
        with two_pages(cluster, client, run, executor) as (own, elsewhere, other):
            executor.kill()
            last = elsewhere.seen.frames[-1]
            own.wait_for_frame()
            elsewhere.wait_for_frame()
            silence = elsewhere.seen.frames[-1] - last
            assert own.seen.opened == [executor.name, other.name]
            assert elsewhere.seen.cuts == 0
            back = max(own.seen.back)
    executor.start()
    assert client.ends([run]) == {run: "done"}
    check_executed_once(cluster, [run])
    with capsys.disabled():
        print(f"\npage back after {back:.2f} s, previews after {silence:.1f} s")
    assert back < BACK
    assert silence < TAKEN_OVER


def test_a_run_is_taken_over_three_times(cluster: Cluster, client: ClusterClient) -> None:
    """A run whose processes die again and again ends as lost, so that it can't end all of them
    forever. Its prompt was sent once, and is stopped."""
    with cluster.slow_servers():
        run = client.submit(LONG)
        cluster.executor_of(run)
        for kills in range(1, MOST_TAKEOVERS + 1):
            for executor in [app for app in cluster.apps if app.executes(run)]:
                executor.restart()  # a busy machine may have let another one take it over
            eventually(partial(is_taken_over, client, run, kills), "a takeover")
        assert client.ends([run]) == {run: "lost"}
        cluster.wait_for_outcome(run, "interrupted")
    assert len(cluster.executions_of(run)) == 1


def is_taken_over(client: ClusterClient, run_id: str, kills: int) -> bool:
    """Return whether a run has ended, or has been taken over this often."""
    return client.run(run_id)["finished"] or client.cluster.begins(run_id) > kills


def test_sigterm_hands_runs_over(
    cluster: Cluster, client: ClusterClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """A process that is asked to end does so within seconds. Another one follows its run at once,
    and nothing is stopped at the server."""
    with cluster.slow_servers():
        run = client.submit(LONG)
        executor = cluster.executor_of(run)
        with two_pages(cluster, client, run, executor) as (own, elsewhere, other):
            seconds = executor.terminate()
            own.wait_for_frame()
            assert own.seen.opened == [executor.name, other.name]
            assert elsewhere.seen.cuts == 0
        executor.start()
    assert client.ends([run]) == {run: "done"}
    check_executed_once(cluster, [run])
    with capsys.disabled():
        print(f"\nended {seconds:.1f} s after SIGTERM, page back after {max(own.seen.back):.2f} s")
    assert seconds < ENDED
    assert max(own.seen.back) < BACK


def test_an_ended_process_leaves_nothing_pending(cluster: Cluster, client: ClusterClient) -> None:
    """The engine's work of a process that isn't known anymore is ended by others, as after SIGTERM
    in the middle of a takeover."""
    run = client.submit(2)
    assert client.ends([run]) == {run: "done"}
    engine = create_engine(cluster.database)
    status = "SELECT status FROM dbos.workflow_status WHERE workflow_uuid = :workflow"
    left = "UPDATE dbos.workflow_status SET status = 'PENDING', executor_id = 'gone'"
    workflow = {"workflow": f"{run}:1"}

    def is_ended() -> bool:
        with engine.connect() as connection:
            return connection.execute(text(status), workflow).scalar_one() == "SUCCESS"

    eventually(is_ended, "the end of the run's workflow")
    with engine.begin() as connection:
        connection.execute(text(f"{left} WHERE workflow_uuid = :workflow"), workflow)
    eventually(is_ended, "the end of the workflow of an unknown process")
    engine.dispose()
    assert client.ends([run]) == {run: "done"}
    check_executed_once(cluster, [run])
