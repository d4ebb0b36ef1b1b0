"""Batches and chains of three equal processes: each is executed by one of them, seen and changed
from all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.groups.working import WorkingGroups
from tests.support.cluster.running import Cluster, running_cluster


@pytest.fixture(scope="module")
def cluster(own_temporary_folder: Path) -> Iterator[Cluster]:
    """Run a cluster for all tests of this file."""
    with running_cluster(apps=3, servers=2, step_seconds=0.01) as cluster:
        yield cluster


@pytest.fixture
def groups(cluster: Cluster) -> WorkingGroups:
    return WorkingGroups(cluster)


def test_a_batch_outlives_its_process(cluster: Cluster, groups: WorkingGroups) -> None:
    """If its process is killed, another one continues the batch. Each row is executed once, and
    other processes show the progress."""
    first, second, _ = cluster.apps
    batch = groups.start_batch(first, 40, steps=5)
    groups.wait_for_rows(batch, second, 5)
    first.kill()
    try:
        groups.wait_for(batch, second, state="done", done=40, failed=0)
        assert groups.outcomes() == ["success"] * 40
    finally:
        first.start()
    assert groups.ask(first, "GET", batch)["done"] == 40


def test_a_batch_obeys_every_process(cluster: Cluster, groups: WorkingGroups) -> None:
    """A batch that runs at one process is paused at the second, continued at the third, and deleted
    at the second. No row runs twice, and none starts while the batch is paused."""
    first, second, third = cluster.apps
    batch = groups.start_batch(first, 20, steps=5)
    groups.wait_for_rows(batch, second, 2)
    assert groups.ask(second, "POST", f"{batch}/pause")["state"] == "paused"
    done = groups.wait_for_active()
    assert done < 20
    for app in cluster.apps:
        groups.wait_for(batch, app, state="paused", done=done)
    assert groups.ask(third, "POST", f"{batch}/continue")["state"] == "running"
    for app in cluster.apps:
        groups.wait_for(batch, app, state="done", done=20)
    assert groups.outcomes() == ["success"] * 20
    groups.ask(second, "DELETE", batch)
    for app in cluster.apps:
        assert groups.client.ask(app, "GET", batch).status_code == 404


def test_a_chain_outlives_its_process(cluster: Cluster, groups: WorkingGroups) -> None:
    """If its process is killed, another one continues the chain without repeating a run."""
    first, second, _ = cluster.apps
    with cluster.slow_servers():
        chain = groups.start_chain(first)
        groups.wait_for_start()
        first.kill()
    try:
        groups.wait_for(chain, second, state="done")
        assert set(groups.outcomes()) == {"success"}
        assert len(groups.outcomes()) == 2
    finally:
        first.start()


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
