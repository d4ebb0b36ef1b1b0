"""Site for the walks, with the shipped workflows and a workflow for each kind of result."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import (
    Inputs,
    NodeClass,
    NodeResult,
    NodeRun,
    fixed,
    node_info,
    spec,
)
from comfyui_standin.nodes.registry import NODES
from tests.browser.nightly.walk.states import Walker
from tests.support.leaks import closing
from tests.support.samples.models import save_model, tetrahedron
from tests.support.serving import PAINTED, WORKFLOWS, running_app
from tests.support.visitor import Site, Visitor

STEP = 0.004  # seconds
SOUND = {
    "23": {
        "class_type": "EmptyAudio",
        "inputs": {"duration": 0.5, "sample_rate": 8000, "channels": 1},
    },
    "24": {"class_type": "SaveAudio", "inputs": {"audio": ["23", 0], "filename_prefix": "sound"}},
}
WORDS = {
    "20": {"class_type": "PrimitiveString", "inputs": {"value": "forty-two"}},
    "21": {"class_type": "PreviewAny", "inputs": {"source": ["20", 0]}},
}
MODEL = {"25": {"class_type": "SaveModel", "inputs": {"text": "a boat"}}}


def save_nothing(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Run an output node that has nothing to show."""
    return NodeResult(())


NOTHING = NodeClass(
    fixed(
        node_info(
            "SaveNothing",
            "Save nothing",
            "",
            required={"text": spec("STRING")},
            output_node=True,
        )
    ),
    save_nothing,
)


def shipped(name: str) -> dict[str, Any]:
    """Return a shipped prompt with the stand-in's model."""
    prompt: dict[str, Any] = json.loads((WORKFLOWS / f"{name}.json").read_text())
    prompt["1"]["inputs"]["ckpt_name"] = "demo-landscapes.safetensors"
    return prompt


def kinds() -> dict[str, dict[str, Any]]:
    """Return a prompt for each kind of result."""
    moving, image = shipped("animation"), shipped("text-to-image")
    moving["4"]["inputs"] |= {"width": 256, "height": 256}
    moving["6"]["inputs"]["amount"] = 3
    image["5"]["inputs"]["steps"] = moving["5"]["inputs"]["steps"] = 2
    several = json.loads(json.dumps(image))
    several["4"]["inputs"] |= {"batch_size": 8, "width": 256, "height": 256}
    kept = {"kept": {"class_type": "PreviewImage", "inputs": {"images": ["6", 0]}}}
    return {
        "several": several,
        "webp": {key: node for key, node in moving.items() if key not in ("10", "11")},
        "video": {key: node for key, node in moving.items() if key != "9"},
        "audio": SOUND,
        "words": WORDS,
        "model": MODEL,
        "mixed": image | SOUND | WORDS | MODEL | kept,
        "none": {"1": {"class_type": "SaveNothing", "inputs": {"text": "a word"}}},
    }


@pytest.fixture(scope="package")
def walk_site(
    tmp_path_factory: pytest.TempPathFactory, own_temporary_folder: Path
) -> Iterator[Site]:
    """Yield the site. Its server's steps take no time."""
    folder = tmp_path_factory.mktemp("walk") / "workflows"
    shutil.copytree(WORKFLOWS, folder)
    for name, prompt in kinds().items():
        (folder / f"{name}.json").write_text(json.dumps(prompt))
    nodes = NODES | {"SaveModel": save_model(tetrahedron()), "SaveNothing": NOTHING}
    with (
        DemoServer(step_seconds=STEP, painted=PAINTED, nodes=nodes) as demo,  # type: ignore[arg-type]
        running_app(demo.url, workflows=folder) as app,
    ):
        closing.append(app.close_idle)
        yield Site(app.url, demo, app)


@pytest.fixture
def site(walk_site: Site, nothing_left_behind: None) -> Iterator[Site]:
    walk_site.demo.speed.step = STEP
    yield walk_site
    walk_site.rest()


@pytest.fixture
def walker(site: Site, visit: Callable[..., Visitor]) -> Walker:
    return Walker(visit(site))
