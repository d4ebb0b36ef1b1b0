"""The shared folder is full or away for a while: new runs are refused, and no run gets lost."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.running import running_cluster
from tests.support.waiting import LONGEST_WAIT, eventually

STARTS = "/workflows/text-to-image/runs"
SHORT = {"values": {"5.steps": 2}}
FULL = "The disk is full."
AWAY = "A file couldn't be saved: No such file or directory."
SMALL = "size=24m"  # of a disk that the test fills


def test_a_full_folder_loses_no_run() -> None:
    """New runs are refused at all processes. Runs that end meanwhile are recorded with the reason
    why their results aren't stored. With free space, everything works again."""
    with running_cluster(apps=0, servers=1) as cluster, small_disk(cluster.data):
        for app in (cluster.add_app(), cluster.add_app()):
            app.start()
        client = ClusterClient(cluster)
        with cluster.slow_servers():
            active, waiting = client.submit(8), client.submit(2)
            cluster.wait_for_outcome(active)
            filler = cluster.data / "filler"
            with suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(bytes(512)):
                    pass
            more = until_refused(client, "disk-full", FULL)
        check_ended_without_results(client, [active, waiting, *more], FULL)
        filler.unlink()
        check_works(client)


def test_a_folder_that_is_away_loses_no_run() -> None:
    """While the folder isn't mounted, new runs are refused, too."""
    with running_cluster(apps=2, servers=1) as cluster:
        client = ClusterClient(cluster)
        away = cluster.data.with_name("away")
        with cluster.slow_servers():
            active, waiting = client.submit(8), client.submit(2)
            cluster.wait_for_outcome(active)
            cluster.data.rename(away)
            more = until_refused(client, "not-written", AWAY)
        check_ended_without_results(client, [active, waiting, *more], AWAY)
        away.rename(cluster.data)
        check_works(client)


def test_a_process_with_another_setup_says_so(tmp_path: Path) -> None:
    """At its start, a process names the workflow files and the servers that others don't have, and
    says that its name is in use. A process that takes over says the name of the dead one."""
    (tmp_path / "mine.json").write_text("{}")
    with running_cluster(apps=1, servers=1) as cluster:
        (first,) = cluster.apps
        extra = ("--workflows", str(tmp_path), "--server", "http://127.0.0.1:1")
        second = cluster.add_app(*extra)
        second.replace_option("--process", first.name)
        second.start()
        said = second.said()
        assert f"{first.name} has other workflow files: only there" in said
        assert "only here mine.json." in said
        assert f"{first.name} has other ComfyUI servers: only here http://127.0.0.1:1." in said
        assert f"Another process has the name {first.name}" in said
        first.kill()
        gone = f"Process {first.name} is gone; its runs are taken over."
        eventually(lambda: gone in second.said(), "the take-over")


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a small disk for the cluster's shared folder during the block."""
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", SMALL, "none", str(folder)]
    if subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("needs to mount a small disk, which only root may do")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def until_refused(client: ClusterClient, name: str, detail: str) -> list[str]:
    """Start runs until all processes refuse them with this error. Processes look at most once a
    second. Return the accepted runs."""
    accepted: list[str] = []
    for app in client.cluster.apps:
        while (answer := client.ask(app, "POST", STARTS, json=SHORT)).status_code == 201:
            accepted.append(answer.json()["id"])
            threading.Event().wait(0.2)
        problem = answer.json()
        assert answer.status_code == 507, problem
        assert (problem["type"], problem["detail"]) == (f"urn:comfyforms:problem:{name}", detail)
        assert requests.get(f"{app.url}/health", timeout=LONGEST_WAIT).text == "alive\n"
    return accepted


def check_ended_without_results(client: ClusterClient, run_ids: list[str], reason: str) -> None:
    """Check that runs are done at all processes and say why they have no results."""
    assert set(client.ends(run_ids).values()) == {"done"}
    for app in client.cluster.apps:
        for run_id in run_ids:
            run = client.run(run_id, app)
            assert run["error"]["message"] == reason
            assert not any(file["sha256"] for file in run["files"])


def check_works(client: ClusterClient) -> None:
    """Check that all processes start runs and show their results."""
    for app in client.cluster.apps:
        run_id = client.submit(2, at=app)
        assert client.ends([run_id]) == {run_id: "done"}
        assert all(file["sha256"] for file in client.run(run_id)["files"])
