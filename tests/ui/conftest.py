"""Fixtures for tests of the app. A module's tests share its `running` server and app."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app on a server that takes no time. Modules can override it."""
    with running_demo_app(step_seconds=0) as served:
        yield served


@pytest.fixture
def app(served: Served) -> RunningApp:
    """Return the module's app."""
    return served[1]


@pytest.fixture
def served(running: Served, nothing_left_behind: None) -> Iterator[Served]:
    yield running
    demo, app = running
    for run in app.runs.known():
        run.cancel()
    eventually(lambda: all(run.state.phase.finished for run in app.runs.known()))
    eventually(lambda: demo.queue.remaining() == 0 and demo.sockets.open == 0)
    app.close_idle()
