"""Work and state that processes share: webhooks, paused servers, closed pages, sign-ins and
frames."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster.client import ClusterClient
from tests.support.cluster.processes import AppProcess
from tests.support.cluster.running import Cluster, running_cluster
from tests.support.waiting import eventually
from tests.ui.api.webhook_receiver import KEY, Receiver, receiver

KEEPS = "This process cleans up and delivers webhooks now."
LATEST = 10.0  # seconds until another process does the work of a dead one


@pytest.fixture(scope="module")
def webhooks() -> Iterator[Receiver]:
    with receiver() as there:
        yield there


@pytest.fixture(scope="module")
def cluster(webhooks: Receiver, own_temporary_folder: Path) -> Iterator[Cluster]:
    """Run a cluster for all tests of this file."""
    options = "--webhook-hosts", webhooks.host, "--webhook-secret", KEY
    with running_cluster(*options, step_seconds=0.05) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: Cluster) -> ClusterClient:
    return ClusterClient(cluster)


def keeper_of(cluster: Cluster) -> AppProcess:
    """Wait until exactly one of two living processes delivers webhooks, and return it."""

    def keepers() -> list[AppProcess]:
        return [app for app in cluster.alive if KEEPS in app.log.read_text()]

    eventually(keepers, "a keeper")
    (keeper,) = keepers()
    return keeper


def test_one_process_delivers_webhooks(
    cluster: Cluster, client: ClusterClient, webhooks: Receiver
) -> None:
    """One process delivers the webhooks of all, each once. If it dies, another one does so within
    10 seconds."""

    def submit(at: AppProcess) -> str:
        body = {"values": {"5.steps": 1}, "callback": webhooks.url}
        answer = client.ask(at, "POST", "/workflows/text-to-image/runs", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    run_ids = {submit(app) for app in cluster.apps}
    assert {webhooks.next().says["data"]["id"] for _ in run_ids} == run_ids
    keeper = keeper_of(cluster)
    other = next(app for app in cluster.apps if app is not keeper)
    keeper.kill()
    killed_at = time.monotonic()
    try:
        run = submit(other)
        assert webhooks.next().says["data"]["id"] == run
        assert time.monotonic() - killed_at < LATEST
    finally:
        keeper.start()
    assert webhooks.came.empty()


def test_a_server_is_drained_in_all_processes(cluster: Cluster, admin: ClusterClient) -> None:
    """An administrator drains servers at one process; 2 seconds later no process gives them runs,
    also after a restart. Runs wait until the servers are taken back, at any process."""
    first, second = cluster.apps

    def drained(at: AppProcess) -> list[bool]:
        servers = admin.ask(at, "GET", "/admin/servers").json()["servers"]
        return [server["paused"] for server in servers]

    def change(at: AppProcess, action: str) -> None:
        for number in (1, 2):
            answer = admin.ask(at, "POST", f"/admin/servers/{number}/{action}")
            assert answer.status_code in (200, 204), answer.text

    change(first, "pause")
    paused_at = time.monotonic()
    eventually(lambda: all(drained(second)), "drained servers at the other process")
    assert time.monotonic() - paused_at < NOTICED
    second.restart()
    assert all(drained(second))
    waiting = admin.submit(1, at=second)
    admin.wait_for(waiting, "waiting", first)
    change(second, "resume")
    assert admin.ends([waiting]) == {waiting: "done"}
    assert not any(drained(first))
