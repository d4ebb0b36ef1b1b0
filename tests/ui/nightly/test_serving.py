"""The web application around the page: its answers, its access rules and its shutdown."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.support.serving import running_demo_app
from tests.support.waiting import eventually
from tests.ui import test_serving as twin

running = twin.running


def test_connections_during_shutdown_are_closed(caplog: pytest.LogCaptureFixture) -> None:
    """The app closes connections that arrive during its shutdown, along with the others, and
    doesn't wait for them."""
    ended = threading.Event()

    def come(port: int) -> None:
        while not ended.is_set():
            try:
                made.append(socket.create_connection(("127.0.0.1", port), timeout=1))
            except OSError:
                return

    made: list[socket.socket] = []
    try:
        with running_demo_app() as (_, app):
            people = [threading.Thread(target=come, args=(app.server.port,)) for _ in range(3)]
            for one in people:
                one.start()
            eventually(lambda: len(made) > 100)
    finally:
        ended.set()
        for one in people:
            one.join()
        for connection in made:
            connection.close()
    assert "timeout graceful shutdown exceeded" not in caplog.text
