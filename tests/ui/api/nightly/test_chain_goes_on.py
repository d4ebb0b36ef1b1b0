"""Programs resume chains with switches over REST."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from comfyui_standin import DemoServer
from tests.support.http_client import ANN
from tests.support.samples.media import saved
from tests.support.serving import WORKFLOWS, RunningApp, running_app
from tests.ui.api.api_calls import call, problem
from tests.ui.api.test_groups import ended

LOOKS = """
[switches]
look = ["photo", "oil"]
[[steps]]
name = "make"
workflow = "text-to-image"
show = ["Prompt", "Steps"]
[steps.values]
Width = 256
Height = 256
[[steps]]
name = "photo"
workflow = "text-to-image"
when = "look=photo"
show = ["Prompt"]
[[steps]]
name = "oil"
workflow = "image-to-image"
when = "look=oil"
show = ["Prompt", "Steps", "Your image"]
"""
LOOK = "switches:.look"
PIXELS = base64.b64encode(saved("PNG", Image.new("RGB", (32, 32)))).decode()


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    """Start a server that is too slow to finish anything at once."""
    with DemoServer(step_seconds=0.3, painted=64) as demo:
        yield demo


@pytest.fixture
def app(demo: DemoServer, tmp_path: Path) -> Iterator[RunningApp]:
    for name in ("text-to-image", "image-to-image"):
        for file in (f"{name}.json", f"{name}.toml"):
            (tmp_path / file).write_bytes((WORKFLOWS / file).read_bytes())
    (tmp_path / "looks.chain.toml").write_text(LOOKS)
    with running_app(demo.url, workflows=tmp_path) as app:
        yield app


def test_a_chain_has_the_fields_of_the_choice_that_it_keeps(
    demo: DemoServer, app: RunningApp
) -> None:
    """The resumed chain keeps its choice if the request omits the switch. The app refuses fields of
    another choice as unknown, even if the request changes the switch. Fields of the kept choice
    take files. The app refuses invalid values even after all steps are done."""
    begun = call(app, "POST", "/workflows/looks.chain/chains", json={"values": {LOOK: "oil"}})
    chain = begun.json()
    call(app, "POST", f"{chain['url']}/stop")
    assert ended(app, chain)["state"] == "stopped"
    demo.speed.step = 0
    again = f"{chain['url']}/continue"
    for wrong in ({"photo.2.text": "x"}, {LOOK: "photo", "photo.2.text": "x"}):
        refused = call(app, "POST", again, json={"values": wrong})
        assert problem(refused, 422)["errors"].keys() == {"photo.2.text"}
    values = {"oil.2.text": "brushed", "oil.8.steps": 1, "oil.4.image": {"base64": PIXELS}}
    going = call(app, "POST", again, json={"values": {"make.5.steps": 1, **values}})
    assert going.status_code == 200, going.text
    made = ended(app, chain)
    assert [(step["name"], step["state"]) for step in made["steps"]] == [
        ("make", "done"),
        ("oil", "done"),
    ]
    (oil,) = made["steps"][1]["results"]
    assert oil["values"]["2.text"] == "brushed"
    assert "4.image" in app.runs.record(oil["id"], f"browser:{ANN}").job.inputs
    refused = problem(call(app, "POST", again, json={"values": {"oil.8.steps": 0}}), 422)
    assert refused["errors"] == {"oil.8.steps": "Minimum 1."}
    once_more = {"values": {**values, "oil.2.text": "again"}, "again": ["oil"]}
    assert call(app, "POST", again, json=once_more).status_code == 200
    (oil,) = ended(app, chain)["steps"][1]["results"]
    assert oil["values"]["2.text"] == "again"
