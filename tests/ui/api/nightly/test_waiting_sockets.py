"""WebSockets that wait for the next run that the user starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http_client import close_code, connected, messages
from tests.support.serving import Served, running_demo_app
from tests.ui.api.test_waiting_sockets import KEY, press


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app on a server that takes some time."""
    with running_demo_app(step_seconds=0.01, grace=5) as served:
        yield served


def test_the_first_socket_keeps_its_key(served: Served) -> None:
    """A second socket with the same key waits without an answer."""
    _, app = served
    with (
        connected(app, f"/live/next/{KEY}") as first,
        connected(app, f"/live/next/{KEY}") as second,
    ):
        run = press(app, KEY)
        assert next(messages(first)) == {"run": run["id"]}
        second.send("stop")
        assert close_code(second) == 1003
