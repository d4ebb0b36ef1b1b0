"""What tests of routes have in common: a module that has a `running` server and app shares them
among its tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.serving import Served
from tests.support.waiting import eventually


@pytest.fixture
def served(running: Served, nothing_left_behind: None) -> Iterator[Served]:
    """The module's server and app, left without runs that go on and without connections."""
    yield running
    demo, app = running
    for run in app.runs.known():
        run.cancel()
    eventually(lambda: all(run.state.phase.finished for run in app.runs.known()))
    eventually(lambda: demo.queue.remaining() == 0 and demo.sockets.open == 0)
    app.close_idle()
