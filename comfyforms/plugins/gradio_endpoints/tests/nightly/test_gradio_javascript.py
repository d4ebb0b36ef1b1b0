"""Runs for scripts in JavaScript: Gradio's own client, in Node."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfyforms.plugins.gradio_endpoints.tests.nightly.test_javascript_client import said
from tests.support.samples.media import saved
from tests.support.serving import Served, running_demo_app


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Run an app on a slow server."""
    with running_demo_app(step_seconds=0.02) as served:
        yield served


def test_a_script_sends_a_file_and_gets_progress_and_a_result(served: Served) -> None:
    """The script gets steps as they happen, and the URLs of the files at the end."""
    image = f"data:image/png;base64,{base64.b64encode(saved('PNG')).decode()}"
    told = said(served[1].url, {"8.steps": 9, "4.image": image})
    assert told[-1][0] == "done"
    assert told[-1][2][0].endswith(".png")
    assert len({step for phase, step, _ in told if phase == "running"}) > 1
