"""The web application around the page: what it answers, to whom, and how it ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.serving import Served, running_demo_app
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """An app on a slow server."""
    with running_demo_app(step_seconds=0.05) as served:
        yield served


def test_who_comes_while_the_app_ends_is_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    """Connections that are made in the app's last moment are closed with the others, and it does
    not wait for them."""
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
