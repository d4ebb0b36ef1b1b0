"""Runs, batches and chains of three equal processes with two ComfyUI servers: changed from any of
them, and executed once although a process dies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.pages import page_showing
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from comfyforms.plugins.cluster.tests.groups.working import WorkingGroups
from comfyforms.plugins.cluster.tests.kills import check_executed_once
from tests.support.http_client import BOB
from tests.support.waiting import LONGEST_WAIT, eventually

LONG = 60  # steps; three seconds


@pytest.fixture(scope="module")
def cluster(own_temporary_folder: Path) -> Iterator[Cluster]:
    """Run a cluster for all tests of this file."""
    with running_cluster(apps=3, servers=2, step_seconds=0.05) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: Cluster) -> ClusterClient:
    return ClusterClient(cluster)


@pytest.fixture
def groups(cluster: Cluster) -> WorkingGroups:
    return WorkingGroups(cluster)


def test_a_key_starts_one_run_at_all_processes(cluster: Cluster, client: ClusterClient) -> None:
    """Requests with one idempotency key start one run, even if all processes get them at once."""
    started: list[str] = []
    together = threading.Barrier(3)

    def submit(number: int) -> None:
        together.wait(LONGEST_WAIT)
        started.append(client.submit(at=cluster.apps[number], key="the same"))

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 3
    assert len(set(started)) == 1
    client.ends(started)
    check_executed_once(cluster, set(started))


def test_places_are_equal_at_all_processes(cluster: Cluster) -> None:
    """All processes show the same places, also after a move and a stop. Users take turns."""
    ann, bob = ClusterClient(cluster), ClusterClient(cluster, BOB)
    first, second, third = cluster.apps

    def wait_for(places: list[int | None]) -> None:
        for app in cluster.apps:
            ann.wait_for_places(waiting, places, app)

    with cluster.slow_servers():
        active = [ann.submit(LONG, at=app) for app in (first, second)]
        for run in active:
            ann.wait_for(run, "running", third)
        waiting = [ann.submit(1, at=app) for app in (first, second, third)]
        wait_for([2, 3, 4])
        other = bob.submit(1, at=second)
        wait_for([3, 4, 5])
        for app in cluster.apps:
            bob.wait_for_places([other], [2], app)
        moved = ann.ask(second, "POST", f"/runs/{waiting[2]}/move", params={"by": -2})
        assert moved.status_code == 200, moved.text
        wait_for([4, 5, 3])
        ann.stop(waiting[2], at=first)
        for app in cluster.apps:
            ann.wait_for_removal(waiting[2], app)
            ann.wait_for_places(waiting[:2], [3, 4], app)
        for run in active:
            ann.stop(run, at=third)
    assert set(ann.ends(active).values()) == {"stopped"}
    assert set(ann.ends(waiting[:2]).values()) == {"done"}
    assert set(bob.ends([other]).values()) == {"done"}
    assert not cluster.executions_of(waiting[2])


def test_a_run_moves_to_another_process(cluster: Cluster, client: ClusterClient) -> None:
    """If its process dies, another one follows the prompt that the server already has. A page at a
    living process loses no connection."""
    run = client.submit(LONG)
    executor = cluster.executor_of(run)
    other = next(app for app in cluster.apps if app is not executor)
    try:
        with page_showing(client, run, other) as page:
            page.wait_for_frame()
            executor.kill()
            assert client.ends([run]) == {run: "done"}
            page.wait_for("done")
            assert page.seen.cuts == 0
        check_executed_once(cluster, [run])
        with pytest.raises(requests.ConnectionError):
            client.run(run, executor)
    finally:
        executor.restart()


def test_a_batch_obeys_every_process(cluster: Cluster, groups: WorkingGroups) -> None:
    """A batch that runs at one process is paused at the second, continued at the third, and deleted
    at the second. No row runs twice, and none starts while the batch is paused."""
    first, second, third = cluster.apps
    batch = groups.start_batch(first, 20, steps=5)
    groups.wait_for_rows(batch, second, 2)
    assert groups.ask(second, "POST", f"{batch}/pause")["state"] == "paused"

    def is_quiet() -> bool:
        shown = [groups.ask(app, "GET", batch) for app in cluster.apps]
        done = groups.outcomes().count("success")
        return all((one["state"], one["done"]) == ("paused", done) for one in shown)

    eventually(is_quiet, "a pause at all processes")
    assert groups.outcomes().count("success") < 20
    assert groups.ask(third, "POST", f"{batch}/continue")["state"] == "running"
    for app in cluster.apps:
        groups.wait_for(batch, app, state="done", done=20)
    assert groups.outcomes() == ["success"] * 20
    groups.ask(second, "DELETE", batch)
    for app in cluster.apps:
        assert groups.client.ask(app, "GET", batch).status_code == 404


def test_a_chain_obeys_every_process(cluster: Cluster, groups: WorkingGroups) -> None:
    """A chain that runs at one process is stopped at the second, which interrupts its run, and
    continued at the third. All show its end."""
    first, second, third = cluster.apps
    with cluster.slow_servers():
        chain = groups.start_chain(first)
        groups.wait_for_start()
        assert groups.ask(second, "POST", f"{chain}/stop")["state"] == "stopped"
        groups.wait_for_outcome("interrupted")
        for app in cluster.apps:
            groups.wait_for(chain, app, state="stopped")
    groups.ask(third, "POST", f"{chain}/continue", json={})
    for app in cluster.apps:
        groups.wait_for(chain, app, state="done")
    assert sorted(groups.outcomes()) == ["interrupted", "success", "success"]
