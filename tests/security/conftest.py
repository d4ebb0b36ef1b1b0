"""App that the attack tests of a file share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.serving import RunningApp, Served, running_demo_app


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Run a demo server without delays, and an app with default limits in front of it."""
    with running_demo_app(step_seconds=0) as served:
        yield served


@pytest.fixture
def served(running: Served, nothing_left_behind: None) -> Iterator[Served]:
    """Close idle connections between the app and the server after each test."""
    yield running
    running[1].close_idle()


@pytest.fixture
def app(served: Served) -> RunningApp:
    return served[1]
