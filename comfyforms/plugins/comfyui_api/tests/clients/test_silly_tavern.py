"""SillyTavern's ComfyUI source, replayed from its source (src/endpoints/stable-diffusion.js). It
sends no token, so it needs an app without accounts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.library.permissions import Permissions
from comfyforms.plugins.comfyui_api.tests.clients.test_comfy_api_simplified import PNG, workflow
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app on a server that takes some time."""
    alone = Permissions(operates=lambda _: True)
    with running_demo_app(step_seconds=0.02, permissions=alone) as served:
        yield served


def asked(app: RunningApp, path: str) -> Any:
    answer = requests.get(app.url + path, timeout=LONGEST_WAIT)
    answer.raise_for_status()
    return answer.json()


def test_it_lists_choices_and_polls_the_whole_history(app: RunningApp) -> None:
    """The prompt is a text without a content type of JSON."""
    assert asked(app, "/system_stats")
    nodes = asked(app, "/object_info")
    assert nodes["KSampler"]["input"]["required"]["sampler_name"][0]
    assert nodes["KSampler"]["input"]["required"]["scheduler"][0]
    assert nodes["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]
    answer = requests.post(
        f"{app.url}/prompt",
        json.dumps({"prompt": workflow(seed=31)}),
        headers={"Content-Type": "text/plain;charset=UTF-8"},
        timeout=LONGEST_WAIT,
    )
    prompt_id = answer.json()["prompt_id"]
    eventually(lambda: prompt_id in asked(app, "/history"))
    item = asked(app, "/history")[prompt_id]
    assert item["status"]["status_str"] != "error"
    file = next(file for output in item["outputs"].values() for file in output["images"])
    query = f"filename={file['filename']}&subfolder={file['subfolder']}&type={file['type']}"
    picture = requests.get(f"{app.url}/view?{query}", timeout=LONGEST_WAIT)
    assert picture.content.startswith(PNG)


def test_it_interrupts_its_prompt_when_its_page_closes(app: RunningApp) -> None:
    body = json.dumps({"prompt": workflow(steps=500, seed=32)})
    answer = requests.post(f"{app.url}/prompt", body, timeout=LONGEST_WAIT)
    prompt_id = answer.json()["prompt_id"]
    eventually(lambda: prompt_id in str(asked(app, "/queue")["queue_running"]))
    assert requests.post(f"{app.url}/interrupt", timeout=LONGEST_WAIT).ok
    eventually(lambda: prompt_id in asked(app, "/history"))
    assert asked(app, "/history")[prompt_id]["status"]["status_str"] == "error"
