"""Postgres and Redis that go away for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.pages import page_showing
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from comfyforms.plugins.cluster.tests.kills import check_executed_once

LONG = 60  # steps of one or two seconds each
STEPS = 4  # of a run that ends while Postgres is away for long
# Three times the goals, in seconds: a busy machine is late. The tests print their figures.
BACK = 30.0  # until everything works after the return of Postgres
WIRE_BACK = 6.0  # until previews return with Redis; a slow server has a frame per second
BY_DATABASE = 6.0  # until changes show without the wire


@pytest.fixture(scope="module")
def cluster(own_temporary_folder: Path) -> Iterator[Cluster]:
    """Run a cluster for all tests of this file."""
    with running_cluster(apps=2, servers=2, step_seconds=0.05) as cluster:
        yield cluster


@contextmanager
def without_postgres(cluster: Cluster, seconds: float) -> Iterator[None]:
    """Stop Postgres as a crash does. Start it after the block and at least this many seconds."""
    assert cluster.postgres is not None
    began = time.monotonic()
    cluster.postgres.stop()
    try:
        yield
        threading.Event().wait(began + seconds - time.monotonic())
    finally:
        cluster.postgres.start()


@contextmanager
def without_redis(cluster: Cluster, seconds: float) -> Iterator[None]:
    """Kill Redis. Start it after the block and at least this many seconds."""
    assert cluster.redis is not None
    began = time.monotonic()
    cluster.redis.stop()
    try:
        yield
        threading.Event().wait(began + seconds - time.monotonic())
    finally:
        cluster.redis.start()


@pytest.mark.parametrize(("seconds", "step"), [(1, 1), (15, 1), (60, 2)])
def test_runs_continue_without_postgres(cluster: Cluster, seconds: int, step: int) -> None:
    """Previews continue and no socket is cut. New runs are refused with a sentence. Runs that end
    meanwhile are recorded after the return."""
    client = ClusterClient(cluster)
    with cluster.slow_servers(step):
        long = client.submit(LONG)
        executor = cluster.executor_of(long)
        other = next(app for app in cluster.apps if app is not executor)
        ending = client.submit(STEPS)
        cluster.executor_of(ending)
        waiting = [client.submit(2) for _ in range(2)]
        with (
            page_showing(client, long, executor) as page,
            page_showing(client, long, other) as elsewhere,
        ):
            page.wait_for_frame()
            elsewhere.wait_for_frame()
            with without_postgres(cluster, seconds):
                refused = client.ask(
                    other, "POST", "/workflows/text-to-image/runs", json={"values": {}}
                )
                assert refused.status_code == 503, refused.text
                assert "Try again in a moment." in refused.text
                page.wait_for_frame()
                elsewhere.wait_for_frame()
                if seconds > STEPS * step:
                    cluster.wait_for_outcome(ending, "success")
            client.ends([ending], BACK)
            assert page.seen.cuts == elsewhere.seen.cuts == 0
            page.wait_for_frame()
            elsewhere.wait_for_frame()
    assert set(client.ends([long, ending, *waiting]).values()) == {"done"}
    check_executed_once(cluster, [long, ending, *waiting])


@pytest.mark.parametrize(("seconds", "step"), [(1, 1), (15, 1), (60, 2)])
def test_runs_continue_without_redis(
    cluster: Cluster, seconds: int, step: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other processes show no previews, but places and ends. The previews return with Redis."""
    client = ClusterClient(cluster)
    with cluster.slow_servers(step):
        long = client.submit(LONG)
        executor = cluster.executor_of(long)
        other = next(app for app in cluster.apps if app is not executor)
        with (
            page_showing(client, long, executor) as page,
            page_showing(client, long, other) as elsewhere,
        ):
            page.wait_for_frame()
            elsewhere.wait_for_frame()
            with without_redis(cluster, seconds):
                busy = client.submit(LONG, at=executor)
                waiting = client.submit(2, at=other)
                for app in cluster.apps:
                    client.wait_for_places([waiting], [2], app)
                client.stop(busy, at=other)
                began = time.monotonic()
                for app in cluster.apps:
                    client.wait_for(busy, "stopped", app)
                late = time.monotonic() - began
                client.ends([waiting])
                page.wait_for_frame()
            began = time.monotonic()
            elsewhere.wait_for_frame()
            back = time.monotonic() - began
            assert page.seen.cuts == elsewhere.seen.cuts == 0
    assert set(client.ends([long, waiting]).values()) == {"done"}
    check_executed_once(cluster, [long, waiting])
    with capsys.disabled():
        print(f"\nwithout Redis {late:.2f} s late, previews back after {back:.2f} s")
    assert late < BY_DATABASE
    assert back < WIRE_BACK
