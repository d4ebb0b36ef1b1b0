"""Fixtures for a stand-in, shared by a file's tests or for one test, with a registry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from comfy.runs.interface import RunRegistry
from comfyui_standin import DemoServer
from tests.runs.registry import Watched, registry
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def one_server() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.01) as server:
        yield server


@pytest.fixture
def demo(one_server: DemoServer) -> Iterator[DemoServer]:
    """Return the shared stand-in once it is idle, and reset its behavior afterwards. It stops a run
    whose prompt arrived after its registry was closed."""

    def is_idle() -> bool:
        one_server.queue.clear()
        one_server.queue.interrupt()
        return one_server.queue.remaining() == 0

    eventually(is_idle)
    yield one_server
    one_server.behave()


@pytest.fixture
def seen(demo: DemoServer) -> Watched:
    return Watched(demo, demo.requests, len(demo.sockets.close_codes))


@pytest.fixture
def mortal() -> Iterator[DemoServer]:
    """Run a stand-in for one test, which may stop and restart it."""
    with DemoServer(step_seconds=0.02) as server:
        yield server


@pytest.fixture
def runs(demo: DemoServer) -> Iterator[RunRegistry]:
    with registry(demo) as one:
        yield one
