"""Facts about workflows over HTTP: whether they can run, and their results."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from comfy.launch.uploads import Upload
from comfyui_standin import DemoServer
from tests.support.http_client import ANN, BOB, cookie_of, finished, get, start
from tests.support.samples.forms import node
from tests.support.serving import PAINTED, WORKFLOWS, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT
from ui.web.urls import file_address

SMALL = {"5.steps": 1, "4.width": 256, "1.ckpt_name": "demo-landscapes.safetensors"}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """Run an app with the shipped workflows, a workflow without a cover, and a workflow that can't
    run."""
    folder = shutil.copytree(WORKFLOWS, tmp_path / "workflows")
    shutil.copy(folder / "text-to-image.json", folder / "bare.json")
    (folder / "lacking.json").write_text(json.dumps({"1": node("NodeOfAPack")}))
    with (
        DemoServer(step_seconds=0, painted=PAINTED) as demo,
        running_app(demo.url, workflows=folder) as app,
    ):
        yield app


def known(app: RunningApp, who: str) -> dict[str, dict[str, object]]:
    """Return the state of each workflow that this browser can see, by name."""
    listed = get(app, "/api/v1/workflows?with_page=true", who).json()["workflows"]
    return {one["name"]: one["page"] for one in listed}


def test_facts_about_each_workflow(app: RunningApp) -> None:
    """The facts say whether a workflow can run. They have the author's cover, or else the newest
    image that the user generated."""
    told = known(app, ANN)
    assert [name for name, one in told.items() if one["blocked"]] == ["lacking"]
    assert told["bare"]["thumb"] == ""
    run = finished(start(app, "bare", **SMALL))
    finished(start(app, "upscale"))
    told = known(app, ANN)
    assert told["bare"]["thumb"] == f"/files/{run.id}/0/thumb"
    assert str(told["upscale"]["thumb"]).startswith("/page/covers/upscale?")
    assert known(app, BOB)["bare"]["thumb"] == ""


def test_a_chain_reports_the_step_whose_workflow_is_missing(app: RunningApp) -> None:
    """The list and the chain's own address both say so. A step that doesn't run needs no
    workflow."""
    first = '[[steps]]\nname = "first"\nworkflow = "bare"\n'
    other = '[[steps]]\nname = "other"\nworkflow = "nope"\n'
    of_others = 'when = "look=painting"\n[switches]\nlook = ["photo", "painting"]\n'
    for name, text in (("torn", first + other), ("whole", first + other + of_others)):
        (app.services.folder.path / f"{name}.chain.toml").write_text(text)
    said = "Step “other” needs the workflow “nope”, which isn't here."
    listed = get(app, "/api/v1/workflows").json()["workflows"]
    told = {one["name"]: one["problem"] for one in listed if one["kind"] == "chain"}
    assert {name: problem for name, problem in told.items() if problem} == {"torn.chain": said}
    assert listed[-1]["name"] == "torn.chain"
    answer = get(app, "/api/v1/workflows/torn.chain")
    assert (answer.status_code, answer.json()["detail"]) == (404, said)
    assert get(app, "/api/v1/workflows/whole.chain").status_code == 200


def test_a_cover_is_sent(app: RunningApp) -> None:
    """The app sends the author's image from beside the workflow, with headers that allow only an
    image. A workflow without a cover answers 404."""
    answer = get(app, str(known(app, ANN)["upscale"]["thumb"]))
    assert answer.content == (WORKFLOWS / "upscale.webp").read_bytes()
    assert Image.open(io.BytesIO(answer.content)).format == "WEBP"
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for name in ("bare", "lacking", "none", "..", "text-to-image.toml"):
        assert get(app, f"/page/covers/{name}").status_code == 404, name


def opened(app: RunningApp, data: bytes, who: str, name: str) -> dict[str, Any]:
    address = f"{app.url}/api/v1/workflows?file={name}"
    with requests.post(address, data, cookies=cookie_of(who), timeout=LONGEST_WAIT) as answer:
        return dict(answer.json())


def test_a_result_opens_the_form_that_made_it(app: RunningApp) -> None:
    """The owner gets the run's workflow, values and files. For other users, and after the run is
    deleted, the image opens as a private workflow with its seed and a short name. The app then
    names the fields whose files are missing."""
    image = Upload("my own.png", (WORKFLOWS / "upscale.webp").read_bytes())
    values = {"4.image": image, "2.text": "a fox", "8.seed": 41}
    run = finished(start(app, "image-to-image", **values))
    data = get(app, file_address(run.id, 0, run.state.files[0])).content
    name = "Image-to-image_41_a-fox.png"
    mine = opened(app, data, ANN, name)
    told = get(app, f"/api/v1/runs/{run.id}/values").json()
    assert told["values"]["4.image"]["file"]
    assert mine == {"name": "image-to-image", "values": told["values"], "missing": []}
    theirs = opened(app, data, BOB, name)
    assert theirs["name"].startswith("~")
    assert theirs["values"] == {"8.seed": 41}
    assert theirs["missing"] == ["Your image"]
    assert [one.title for one in app.services.forms.opened_by(f"browser:{BOB}")] == [
        "Image to image"
    ]
    app.runs.forget(run.id, f"browser:{ANN}")
    assert opened(app, data, ANN, name) == theirs


def test_workflows_opened_without_a_cookie_are_not_listed(app: RunningApp) -> None:
    """To the app, all clients without a cookie are one user. A client that knows the name can open
    the workflow, but the lists don't show it."""
    text = (WORKFLOWS / "text-to-image.json").read_bytes()
    address = f"{app.url}/api/v1/workflows?file=private.json"
    name = requests.post(address, text, timeout=LONGEST_WAIT).json()["name"]
    assert get(app, f"/api/v1/workflows/{name}", "").status_code == 200
    for path in ("/api/v1/workflows", "/api/v1/workflows?with_page=true"):
        assert name not in get(app, path, "").text
