"""A database server that is frozen: it keeps its connections and answers nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.pages import page_showing
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from tests.support.waiting import LONGEST_WAIT

READ = ("/runs", "/workflows", "/workflows/text-to-image", "/batches", "/chains")


def test_a_silent_database_holds_up_nothing_else() -> None:
    """Requests wait for it in threads of their own. The event loops of all processes answer other
    requests, previews continue and no socket is cut."""
    with running_cluster(apps=2, servers=1, step_seconds=0.05) as cluster:
        client = ClusterClient(cluster)
        with cluster.slow_servers(), ThreadPoolExecutor(50) as threads:
            run = client.submit(60)
            executor = cluster.executor_of(run)
            other = next(app for app in cluster.apps if app is not executor)
            with (
                page_showing(client, run, executor) as page,
                page_showing(client, run, other) as elsewhere,
            ):
                page.wait_for_frame()
                elsewhere.wait_for_frame()
                with frozen_postgres(cluster):
                    asked = [
                        threads.submit(client.ask, app, "GET", path)
                        for app in cluster.apps
                        for path in READ
                    ]
                    body: dict[str, dict[str, object]] = {"values": {}}
                    asked += [
                        threads.submit(
                            client.ask, app, "POST", "/workflows/text-to-image/runs", json=body
                        )
                        for app in cluster.apps
                    ]
                    asked += [
                        threads.submit(requests.get, app.url, timeout=LONGEST_WAIT)
                        for app in cluster.apps
                    ]
                    for _ in range(3):
                        page.wait_for_frame()
                        elsewhere.wait_for_frame()
                    for app in cluster.apps:
                        health = requests.get(f"{app.url}/health", timeout=LONGEST_WAIT)
                        assert health.text == "alive\n"
                    assert not all(answer.done() for answer in asked)
                assert all(answer.result().ok for answer in asked)
                assert page.seen.cuts == elsewhere.seen.cuts == 0
            client.stop(run, at=other)
        assert set(client.ends([run]).values()) == {"stopped"}


@contextmanager
def frozen_postgres(cluster: Cluster) -> Iterator[None]:
    """Freeze all processes of Postgres during the block."""
    (folder,) = parse_qs(urlsplit(cluster.database).query)["host"]
    pid = int((Path(folder) / "data" / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pids = [pid, *map(int, children)]
    for one in pids:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in reversed(pids):
            os.kill(one, signal.SIGCONT)
