"""`comfyforms cluster check`, beside a running cluster of one process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.base.version import app_version
from comfyforms.plugins.cluster.command import manage_cluster
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster


@pytest.fixture(scope="module")
def cluster(own_temporary_folder: Path) -> Iterator[Cluster]:
    """Run a cluster for all tests of this file."""
    with running_cluster(apps=1, servers=1) as cluster:
        yield cluster


def test_lists_the_processes_and_finds_no_problem(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the settings of a working cluster, all checks pass, and the process is listed. The check
    leaves no file behind."""
    before = set(cluster.data.iterdir())
    assert manage_cluster(["check", *cluster.arguments]) == 0
    lines = capsys.readouterr().out
    assert "PROBLEM" not in lines
    assert f"app-1 (version {app_version()})" in lines
    assert "All running processes (1) use this folder." in lines
    assert "All tables exist" in lines
    assert cluster.servers[0].url in lines
    assert set(cluster.data.iterdir()) == before
