"""Prompts with unknown nodes at an app on a stand-in that runs anything."""

from __future__ import annotations

from tests.support.http_client import get
from tests.support.serving import RunningApp
from tests.support.waiting import eventually
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
