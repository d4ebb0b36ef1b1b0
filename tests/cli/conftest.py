"""Fixtures for the tests of the shell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comfyui_standin import DemoServer
from tests.cli.chain_folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Yield a folder for a chain, with a stand-in that runs the chain."""
    with DemoServer(step_seconds=0.004) as demo:
        yield Folder(tmp_path, demo)
