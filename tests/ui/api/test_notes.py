"""Values of a workflow that ComfyUI doesn't offer, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfyui_standin import DemoServer
from tests.support.samples.forms import text_to_image, with_values
from tests.support.serving import RunningApp, Served, running_app
from tests.ui.api.api_calls import call

SAID = "“欧拉” isn't offered here. Using “euler” instead."


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an app with a workflow whose sampler has a name in another language."""
    folder: Path = tmp_path_factory.mktemp("workflows")
    prompt = with_values(text_to_image(), "3", sampler_name="欧拉")
    (folder / "boat.json").write_text(json.dumps(prompt))
    with DemoServer(step_seconds=0) as demo, running_app(demo.url, workflows=folder) as app:
        yield demo, app


def test_a_replaced_choice_is_named(app: RunningApp) -> None:
    """Programs learn that a run would use another sampler than the author's."""
    (note,) = call(app, "GET", "/workflows/boat").json()["notes"]
    assert SAID in note
