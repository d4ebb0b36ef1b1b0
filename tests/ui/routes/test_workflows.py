"""What is known of workflows over HTTP: which can run, and what comes of them."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from comfy.demo import DemoServer
from tests.support.http_client import ANN, BOB, finished, get, start
from tests.support.samples.forms import node
from tests.support.serving import PAINTED, WORKFLOWS, RunningApp, running_app

SMALL = {"5.steps": 1, "4.width": 256, "1.ckpt_name": "demo-landscapes.safetensors"}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """An app with the shipped workflows, one without a cover, and one that cannot run."""
    folder = shutil.copytree(WORKFLOWS, tmp_path / "workflows")
    shutil.copy(folder / "text-to-image.json", folder / "bare.json")
    (folder / "lacking.json").write_text(json.dumps({"1": node("NodeOfAPack")}))
    with (
        DemoServer(step_seconds=0, painted=PAINTED) as demo,
        running_app(demo.url, workflows=folder) as app,
    ):
        yield app


def known(app: RunningApp, who: str) -> dict[str, dict[str, object]]:
    """What this browser is told of all workflows."""
    return dict(get(app, "/workflows", who).json())


def test_what_is_known_of_each_workflow(app: RunningApp) -> None:
    """Which cannot run; the author's cover, else the newest image that this person has made."""
    told = known(app, ANN)
    assert [name for name, one in told.items() if one["blocked"]] == ["lacking"]
    assert told["bare"]["thumb"] == ""
    run = finished(start(app, "bare", **SMALL))
    finished(start(app, "upscale"))
    told = known(app, ANN)
    assert told["bare"]["thumb"] == f"/files/{run.id}/0/thumb"
    assert str(told["upscale"]["thumb"]).startswith("/workflows/upscale/cover?")
    assert known(app, BOB)["bare"]["thumb"] == ""


def test_a_cover_is_sent(app: RunningApp) -> None:
    """The author's image as it lies beside the workflow, to be shown as an image and nothing else;
    of a workflow without one there is none."""
    answer = get(app, str(known(app, ANN)["upscale"]["thumb"]))
    assert answer.content == (WORKFLOWS / "upscale.webp").read_bytes()
    assert Image.open(io.BytesIO(answer.content)).format == "WEBP"
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for name in ("bare", "lacking", "none", "..", "text-to-image.toml"):
        assert get(app, f"/workflows/{name}/cover").status_code == 404, name
