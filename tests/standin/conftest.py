"""Fixtures: a stand-in without delays, and sockets to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import websocket

from comfyui_standin import DemoServer
from tests.support.waiting import LONGEST_WAIT


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    """Yield a stand-in without delays."""
    with DemoServer(step_seconds=0) as server:
        yield server


@pytest.fixture
def socket_of(demo: DemoServer) -> Iterator[Callable[[], websocket.WebSocket]]:
    opened: list[websocket.WebSocket] = []

    def open_one() -> websocket.WebSocket:
        opened.append(
            websocket.create_connection(
                f"{demo.url.replace('http', 'ws')}/ws?clientId=me", timeout=LONGEST_WAIT
            )
        )
        return opened[-1]

    yield open_one
    for one in opened:
        one.shutdown()
