"""The health of the app and its servers, over REST."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import CheckPauses, ServerPool
from comfy.comfyui.servers.reports import fresh
from comfy.comfyui.servers.server import ANSWER_SECONDS
from comfyui_standin import DemoServer
from tests.support.serving import Served, running_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.api.api_calls import call

# Each check of the pool would start a thread that closes idle connections, and a test looks for
# such threads.
SELDOM = CheckPauses(up=60.0, recheck=30.0, away=60.0)


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app with one running server and one that is gone."""
    with DemoServer() as gone:
        away = gone.url.replace("://", "://ann:secret@")
    with DemoServer(step_seconds=0) as demo, running_app(demo.url, away, pauses=SELDOM) as app:
        yield demo, app


def test_each_server_reports_its_state(served: Served) -> None:
    """A reachable server reports version, queue and memory. An unreachable server is down. The
    answer contains no server credentials."""
    demo, app = served
    answer = call(app, "GET", "/health")
    assert "secret" not in answer.text
    health_now = answer.json()
    assert (health_now["status"], health_now["waiting"]) == ("partly", 0)
    up, down = health_now["servers"]
    assert (up["up"], up["name"]) == (True, demo.url.removeprefix("http://"))
    assert up["version"]
    assert (up["running"], up["waiting"]) == (0, 0)
    assert up["memory"][0]["free"] > 0
    assert (down["up"], down["version"], down["memory"]) == (False, "", [])


@pytest.mark.parametrize("failed", ["check", "report"])
def test_a_server_that_hangs_delays_later_reports_little(failed: str) -> None:
    """After a failed check or report, a report waits for the server for a second, so that probes of
    the app get their answer."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        Client(f"http://127.0.0.1:{silent.getsockname()[1]}") as client,
    ):
        pool = ServerPool(client)
        if failed == "check":
            pool.servers[0].recheck(gone=True)
        else:
            fresh(pool)()
        began = time.monotonic()
        ((_, report),) = fresh(pool)()
        assert not report.up
        assert time.monotonic() - began < ANSWER_SECONDS


def test_health_reports_that_all_servers_must_wait(served: Served) -> None:
    """With `ready=true`, the app also answers that it takes no runs now. A status request still
    gets its answer, and so does a liveness check."""
    demo, app = served
    there = next(one for one in app.services.servers.servers if one.url == demo.url)

    def told(status: str, ready: int) -> bool:
        answers = [call(app, "GET", f"/health{asked}") for asked in ("", "?ready=true")]
        assert answers[0].status_code == 200
        same = [one.json()["status"] for one in answers] == [status, status]
        return same and answers[1].status_code == ready

    assert told("partly", 200)
    app.services.servers.drain(there)
    eventually(lambda: told("drained", 503))
    assert [one["drained"] for one in call(app, "GET", "/health").json()["servers"]] == [
        True,
        False,
    ]
    assert requests.get(f"{app.url}/health", timeout=LONGEST_WAIT).status_code == 200
    app.services.servers.take_back(there)
    eventually(lambda: told("partly", 200))
