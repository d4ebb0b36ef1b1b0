"""A stand-in for all tests of a file or for one alone, and a registry in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from comfy.demo import DemoServer
from comfy.runs.registry import LocalRunRegistry
from tests.runs.registry import Watched, registry
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def one_server() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.01) as server:
        yield server


@pytest.fixture
def demo(one_server: DemoServer) -> Iterator[DemoServer]:
    """The stand-in of all tests here, idle and well-behaved."""
    eventually(lambda: one_server.queue.remaining() == 0)
    yield one_server
    one_server.behave()


@pytest.fixture
def seen(demo: DemoServer) -> Watched:
    return Watched(demo, demo.requests, len(demo.sockets.close_codes))


@pytest.fixture
def mortal() -> Iterator[DemoServer]:
    """A stand-in of the test's own, to be stopped and restarted."""
    with DemoServer(step_seconds=0.02) as server:
        yield server


@pytest.fixture
def runs(demo: DemoServer) -> Iterator[LocalRunRegistry]:
    with registry(demo) as one:
        yield one
