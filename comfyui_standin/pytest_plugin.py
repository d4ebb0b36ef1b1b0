"""Fixture for tests of ComfyUI clients. pytest finds it where `comfyui-standin` is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from comfyui_standin import DemoServer


@pytest.fixture
def comfyui() -> Iterator[DemoServer]:
    """Return a ComfyUI server for one test, at `comfyui.url`. Its steps take no time."""
    from comfyui_standin import DemoServer  # imports a web server, which only its tests need

    with DemoServer(step_seconds=0) as server:
        yield server
