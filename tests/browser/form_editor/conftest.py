"""A site whose users may edit forms, with copies of shipped workflows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.serving import WORKFLOWS, running_demo_app
from tests.support.visitor import Site

NAMES = ("text-to-image", "upscale")


@pytest.fixture
def editable(tmp_path: Path, nothing_left_behind: None) -> Iterator[Site]:
    """Run a site whose users may edit the forms of two workflows, the first without settings."""
    folder = tmp_path / "workflows"
    folder.mkdir()
    for name in NAMES:
        for file in WORKFLOWS.glob(f"{name}.*"):
            shutil.copy(file, folder)
    (folder / "text-to-image.toml").unlink()
    with running_demo_app(step_seconds=0.004, workflows=folder, may_keep=True) as (demo, app):
        yield Site(app.url, demo, app)
