"""Batches and chains of three equal processes: each is executed by one of them, seen and changed
from all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from comfyforms.plugins.cluster.tests.groups.working import CHAINS, SMALL, WorkingGroups
from tests.support.waiting import eventually


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


def test_limits_count_chains_of_all_processes(cluster: Cluster, groups: WorkingGroups) -> None:
    """A user who has five chains at two processes can't start a sixth at the third one, until one
    of them has ended."""
    first, second, third = cluster.apps
    with cluster.slow_servers():
        chains = [groups.start_chain(app) for app in (first, second, first, second, first)]
        refused = groups.client.ask(third, "POST", CHAINS, json={"values": SMALL})
        assert refused.status_code == 429, refused.text
        for chain in chains:
            groups.ask(third, "POST", f"{chain}/stop")
        eventually(
            lambda: groups.client.ask(second, "POST", CHAINS, json={"values": SMALL}).ok,
            "room for a chain",
        )


def test_all_processes_show_the_active_rows(cluster: Cluster, groups: WorkingGroups) -> None:
    """A process that doesn't execute a batch shows which rows run, and stops them with it."""
    first, second, third = cluster.apps
    with cluster.slow_servers():
        batch = groups.start_batch(first, 6)

        def active_at(app: AppProcess) -> list[int]:
            rows = groups.ask(app, "GET", f"{batch}/rows")["rows"]
            return [row["number"] for row in rows if row["state"] == "running"]

        eventually(lambda: active_at(first), "active rows")
        for app in (second, third):
            eventually(lambda app=app: active_at(app) == active_at(first), "the same rows")  # type: ignore[misc]
        assert groups.ask(third, "POST", f"{batch}/stop")["state"] == "stopped"
        for app in cluster.apps:
            groups.wait_for(batch, app, state="stopped")
            eventually(lambda app=app: not active_at(app), "no active rows")  # type: ignore[misc]
    eventually(lambda: "started" not in groups.outcomes(), "the end of all prompts")
