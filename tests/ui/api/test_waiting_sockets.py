"""WebSockets that wait for the next run that the user starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.http_client import ANN, BOB, close_code, connected, cookie_of, messages
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.sockets.run_socket import KEY_HEADER

KEY = "one-key"


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app on a server that takes some time."""
    with running_demo_app(step_seconds=0.01, grace=5) as served:
        yield served


def press(app: RunningApp, key: str, cookie: str = ANN) -> Any:
    """Start a run as the page does, with the key of a socket."""
    answer = requests.post(
        f"{app.url}/api/v1/workflows/text-to-image/runs",
        json={"values": {"5.steps": 8}, "watched": True},
        cookies=cookie_of(cookie),
        headers={KEY_HEADER: key},
        timeout=LONGEST_WAIT,
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_waiting_socket_follows_the_run_with_its_key(served: Served) -> None:
    """The socket first names the run and then sends frames and views until the run finishes."""
    _, app = served
    with connected(app, f"/live/next/{KEY}") as socket:
        run = press(app, KEY)
        first, *got = messages(socket)
    assert first == {"run": run["id"]}
    assert any(isinstance(one, bytes) for one in got)
    assert [one["phase"] for one in got if isinstance(one, dict)][-1] == "done"


def test_a_socket_that_comes_after_its_press_follows_the_run(served: Served) -> None:
    """Over a long link, the press overtakes a new socket. The socket gets the run, once."""
    _, app = served
    run, later = press(app, KEY), press(app, "another-key")
    with connected(app, f"/live/next/{KEY}", BOB) as other:
        other.send("stop")  # Bob's socket has only waited
        assert close_code(other) == 1003
    with connected(app, f"/live/next/{KEY}") as socket:
        assert next(messages(socket)) == {"run": run["id"]}
    with connected(app, f"/live/next/{KEY}") as socket:
        again = press(app, KEY)
        assert next(messages(socket)) == {"run": again["id"]}
    assert len({run["id"], later["id"], again["id"]}) == 3


def test_another_users_key_reaches_no_socket(served: Served) -> None:
    """The app announces a run only on its owner's socket, regardless of the key."""
    _, app = served
    with connected(app, f"/live/next/{KEY}") as socket:
        press(app, KEY, BOB)
        run = press(app, KEY)
        assert next(messages(socket)) == {"run": run["id"]}


def test_a_waiting_socket_closes_on_any_message(served: Served) -> None:
    """The socket closes at any message that the browser sends before there is a run."""
    _, app = served
    with connected(app, f"/live/next/{KEY}") as socket:
        socket.send("stop")
        assert close_code(socket) == 1003
