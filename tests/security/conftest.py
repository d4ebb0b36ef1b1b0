"""An app shared by the attack tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.serving import RunningApp, Served, running_demo_app


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """A server that takes no time, and an app with its usual limits in front of it."""
    with running_demo_app(step_seconds=0) as served:
        yield served


@pytest.fixture
def served(running: Served, nothing_left_behind: None) -> Iterator[Served]:
    """These, without the connections between them when a test is over."""
    yield running
    running[1].close_idle()


@pytest.fixture
def app(served: Served) -> RunningApp:
    """The app of these."""
    return served[1]
