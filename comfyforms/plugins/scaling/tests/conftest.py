"""A server that is always there, and scripts that start others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comfyforms.plugins.scaling.tests.machines import Machines, machines_in
from comfyui_standin import DemoServer


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    with machines_in(tmp_path / "machines") as machines:
        yield machines


@pytest.fixture(scope="module")
def fixed() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.05) as server:
        yield server
