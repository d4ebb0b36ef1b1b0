"""App whose users may edit the forms of its workflows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfyui_standin import DemoServer
from tests.support.samples.forms import text_to_image
from tests.support.serving import PAINTED, WORKFLOWS, RunningApp, running_app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """Run an app with the shipped workflows and one without settings."""
    folder = shutil.copytree(WORKFLOWS, tmp_path / "workflows")
    (folder / "plain.json").write_text(json.dumps(text_to_image()))
    with (
        DemoServer(step_seconds=0, painted=PAINTED) as demo,
        running_app(demo.url, workflows=folder, may_keep=True) as app,
    ):
        yield app
