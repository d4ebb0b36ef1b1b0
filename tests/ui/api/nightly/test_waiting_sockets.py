"""WebSockets that wait for the next run that the user starts."""

from __future__ import annotations

from tests.support.http_client import close_code, connected, messages
from tests.support.serving import Served
from tests.ui.api import test_waiting_sockets as twin
from tests.ui.api.test_waiting_sockets import KEY, press

running = twin.running


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
