"""Changes at one process take effect at another, with Redis and without. The tests print after how
many seconds; `tests/benchmarks/notices.py` has the goals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comfyforms.plugins.cluster.tests.app_processes.notices import (
    SignedInBrowser,
    cluster_of_users,
    seconds_of_queue_changes,
    seconds_until_refused,
    users_file,
)
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster


@pytest.fixture(scope="module")
def cluster(own_temporary_folder: Path) -> Iterator[Cluster]:
    """Run a cluster with users for the tests of sign-ins."""
    with cluster_of_users("ann", "bob", "eve", "kim") as cluster:
        yield cluster


@pytest.fixture(params=["with", "without"])
def wire(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[str]:
    """Tell whether the processes reach Redis."""
    assert cluster.redis is not None
    if request.param == "without":
        cluster.redis.stop()
    yield str(request.param)
    if request.param == "without":
        cluster.redis.start()


def test_a_sign_out_ends_sockets_elsewhere(
    cluster: Cluster, wire: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other process refuses the cookie and closes its socket."""
    with SignedInBrowser(cluster, "ann") as browser:
        seconds = seconds_until_refused(cluster.apps[1], browser.credentials, browser.sign_out)
    with capsys.disabled():
        print(f"\na sign-out {wire} the wire: {seconds:.2f} s")


def test_a_revoked_token_is_refused_elsewhere(
    cluster: Cluster, wire: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other process refuses the token and closes its socket. The browser stays signed in."""
    with SignedInBrowser(cluster, "bob") as browser:
        token = browser.token()
        seconds = seconds_until_refused(cluster.apps[1], token, browser.revoke_token)
        browser.sign_out()
    with capsys.disabled():
        print(f"\na revoked token {wire} the wire: {seconds:.2f} s")


def test_a_removed_user_is_refused_elsewhere(
    cluster: Cluster, wire: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both processes read the users file again."""
    name = {"with": "eve", "without": "kim"}[wire]
    with SignedInBrowser(cluster, name) as browser:
        seconds = seconds_until_refused(
            cluster.apps[1], browser.credentials, lambda: users_file(cluster).remove(name)
        )
    with capsys.disabled():
        print(f"\na removed user {wire} the wire: {seconds:.2f} s")


def test_a_move_and_a_stop_show_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """The places at the other process change."""
    with running_cluster(apps=2, servers=1) as cluster, cluster.slow_servers():
        assert cluster.redis is not None
        for wire in ("with", "without"):
            if wire == "without":
                cluster.redis.stop()
            for change, seconds in seconds_of_queue_changes(cluster).items():
                with capsys.disabled():
                    print(f"\n{change} {wire} the wire: {seconds:.2f} s")
