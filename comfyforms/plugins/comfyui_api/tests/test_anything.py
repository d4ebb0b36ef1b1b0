"""Prompts with unknown nodes at an app on a stand-in that runs anything."""

from __future__ import annotations

import json
from pathlib import Path

import requests

from comfy.__main__ import main
from comfyforms.plugins.comfyui_api.tests.files import copying
from comfyui_standin import DemoServer
from tests.support.http_client import get
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui import test_anything as twin
from tests.ui.test_anything import TEXT, post

app = twin.app


def test_a_prompt_with_unknown_nodes_runs(app: RunningApp) -> None:
    prompt = {
        "1": {"class_type": "AnnsMysterySampler", "inputs": {"text": TEXT, "image": ["2", 0]}},
        "2": {"class_type": "LoadImage", "inputs": {"image": "anns holiday.png"}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }

    answer = post(app, "/prompt", {"prompt": prompt})

    assert answer.status_code == 200, answer.text
    path = f"/history/{answer.json()['prompt_id']}"
    eventually(lambda: get(app, path).json())
    assert get(app, path).json()[answer.json()["prompt_id"]]["outputs"]["3"]["images"]


def test_refuses_an_image_without_a_name(app: RunningApp) -> None:
    """The app, a strict stand-in and an open one answer as ComfyUI does."""
    prompt = {"prompt": copying("x")}
    prompt["prompt"]["1"]["inputs"]["image"] = None
    answers = [post(app, "/prompt", prompt)]
    for anything in (True, False):
        with DemoServer(step_seconds=0, anything=anything) as demo:
            answers.append(requests.post(f"{demo.url}/prompt", json=prompt, timeout=LONGEST_WAIT))

    for answer in answers:
        assert answer.status_code == 400
        (error,) = answer.json()["node_errors"]["1"]["errors"]
        assert error["type"] == "exception_during_inner_validation"
        assert error["message"] == "Exception when validating inner node"
        assert error["details"] == "'NoneType' object has no attribute 'endswith'"


def test_the_command_runs_at_an_app(app: RunningApp, tmp_path: Path) -> None:
    """Apps have none of their stand-in's definitions of unknown nodes."""
    size = {"width": 64, "height": 64, "batch_size": 1, "color": 0}
    prompt = copying("x") | {"1": {"class_type": "EmptyImage", "inputs": size}}
    (tmp_path / "flat.json").write_text(json.dumps(prompt))
    command = ["run", str(tmp_path / "flat.json"), "--server", app.url, "--out", str(tmp_path)]
    assert main(command) == 0
    assert [*tmp_path.glob("*.png")]
