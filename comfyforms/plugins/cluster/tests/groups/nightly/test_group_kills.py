"""Batches whose process is killed, frozen or ended, again and again."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from comfyforms.plugins.cluster.tests.groups.working import WorkingGroups

ROWS = 40
TAKEN_OVER = 12.0  # seconds until others have taken over a process's groups
HANDED_OVER = 5.0  # seconds until a process has ended after SIGTERM


@pytest.fixture(scope="module")
def cluster(own_temporary_folder: Path) -> Iterator[Cluster]:
    """Run a cluster for all tests of this file."""
    with running_cluster(apps=3, servers=2, step_seconds=0.02) as cluster:
        yield cluster


@pytest.fixture
def groups(cluster: Cluster) -> WorkingGroups:
    return WorkingGroups(cluster)


def test_batches_survive_ten_kills(cluster: Cluster, groups: WorkingGroups) -> None:
    """Processes are killed one after the other. Each row is executed once."""
    dice = random.Random(34)
    batches = [groups.start_batch(app, ROWS, steps=10) for app in cluster.apps]
    for _ in range(10):
        threading.Event().wait(dice.uniform(0, 3))
        dice.choice(cluster.apps).restart()
    for batch in batches:
        groups.wait_for(batch, cluster.apps[0], state="done", done=ROWS, failed=0)
    assert groups.outcomes() == ["success"] * ROWS * len(batches)


def test_a_batch_continues_after_sigterm(cluster: Cluster, groups: WorkingGroups) -> None:
    """A process that is ended hands its batch over at once."""
    first, second, _ = cluster.apps
    batch = groups.start_batch(first, ROWS, steps=10)
    groups.wait_for_rows(batch, second, 3)
    assert first.terminate() < HANDED_OVER
    try:
        groups.wait_for(batch, second, state="done", done=ROWS, failed=0)
        assert groups.outcomes() == ["success"] * ROWS
    finally:
        first.start()


def test_a_frozen_process_changes_nothing_when_it_wakes(
    cluster: Cluster, groups: WorkingGroups
) -> None:
    """Another process takes over the batch of a frozen one, which then starts no row and stores no
    progress."""
    first, second, third = cluster.apps
    batch = groups.start_batch(first, ROWS, steps=20)
    groups.wait_for_rows(batch, second, 3)
    first.freeze()
    threading.Event().wait(TAKEN_OVER)
    first.wake()
    for app in (second, third, first):
        groups.wait_for(batch, app, state="done", done=ROWS, failed=0)
    assert groups.outcomes() == ["success"] * ROWS


def test_commands_at_all_processes_are_carried_out(cluster: Cluster, groups: WorkingGroups) -> None:
    """A batch that is paused and continued at all processes in turn completes each row once. A row
    that begins before its server hears of the pause is interrupted, and runs again."""
    batch = groups.start_batch(cluster.apps[0], ROWS, steps=10)
    for number in range(12):
        at = cluster.apps[number % 3]
        change = ("pause", "continue")[number % 2]
        wanted = ("paused", "running")[number % 2]
        assert groups.ask(at, "POST", f"{batch}/{change}")["state"] in (wanted, "done")
    for app in cluster.apps:
        groups.wait_for(batch, app, state="done", done=ROWS, failed=0)
    outcomes = Counter(groups.outcomes())
    assert outcomes.pop("success") == ROWS
    assert outcomes.keys() <= {"interrupted"}


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


def test_batches_and_chains_wait_for_postgres(cluster: Cluster, groups: WorkingGroups) -> None:
    """While Postgres is away, a batch and a chain neither pause nor fail. They continue when it
    returns, and no row runs twice."""
    assert cluster.postgres is not None
    batch = groups.start_batch(cluster.apps[0], ROWS, steps=10)
    chain = groups.start_chain(cluster.apps[1])
    groups.wait_for_rows(batch, cluster.apps[2], 3)
    cluster.postgres.stop()
    threading.Event().wait(5)
    cluster.postgres.start()
    for app in cluster.apps:
        groups.wait_for_answer(batch, app)
        groups.wait_for(batch, app, state="done", done=ROWS, failed=0)
        groups.wait_for(chain, app, state="done")
    assert groups.outcomes() == ["success"] * (ROWS + 2)


def test_groups_continue_after_all_processes_ended(cluster: Cluster, groups: WorkingGroups) -> None:
    """The first process that starts again continues batches and chains."""
    first, *others = cluster.apps
    with cluster.slow_servers():
        batch, chain = groups.start_batch(first, 4), groups.start_chain(first)
        groups.wait_for_start()
        for app in cluster.apps:
            app.terminate()
            app.kill()  # forgets the process that has ended
    first.start()
    groups.wait_for(batch, first, state="done", done=4, failed=0)
    groups.wait_for(chain, first, state="done")
    for app in others:
        app.start()
