"""Repeatable rows on the stand-in: its node applies them, and the server checks each cell."""

from __future__ import annotations

import copy
import json
import uuid
from typing import Any

import pytest
import requests

from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import Model
from comfyui_standin.nodes.registry import NODES
from tests.standin.test_nodes import Bench, bench  # noqa: F401 - a fixture
from tests.support.samples.rows import DEMO_LORAS, LORA_IMAGE
from tests.support.waiting import LONGEST_WAIT

LIGHT, INK = DEMO_LORAS


def test_rows_are_applied_one_after_the_other(bench: Bench) -> None:  # noqa: F811
    """A row that is switched off has no effect."""
    model = Model("demo-landscapes.safetensors")
    rows = {
        **{"loras.0.on": True, "loras.0.lora_name": INK, "loras.0.strength": 0.5},
        **{"loras.1.on": False, "loras.1.lora_name": INK, "loras.1.strength": 9.0},
        **{"loras.2.on": True, "loras.2.lora_name": LIGHT, "loras.2.strength": 1.0},
    }
    expected = model.with_lora(INK, 0.5).with_lora(LIGHT, 1.0)
    assert bench.call("LoraRows", model=model, clip=model, **rows).outputs == (expected, expected)
    entry = json.dumps(NODES["LoraRows"].describe(bench.storage))
    assert "COMFY_DYNAMICGROUP_V3" in entry


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"loras.0.strength": 200}, ("value_bigger_than_max", "loras.0.strength")),
        ({"loras.1.lora_name": "gone"}, ("value_not_in_list", "loras.1.lora_name")),
        ({"loras.2.on": True}, ("required_input_missing", "loras.2.lora_name")),
        ({"loras.9.lora_name": "gone"}, None),
        ({}, None),
    ],
)
def test_the_server_checks_each_cell(
    demo: DemoServer, changes: dict[str, Any], error: tuple[str, str] | None
) -> None:
    """A row needs all of its cells. Rows beyond the maximum are ignored."""
    prompt = copy.deepcopy(LORA_IMAGE)
    prompt["20"]["inputs"] |= changes
    body = {"prompt": prompt, "client_id": uuid.uuid4().hex}
    answer = requests.post(f"{demo.url}/prompt", json=body, timeout=LONGEST_WAIT).json()
    errors = answer["node_errors"].get("20", {"errors": []})["errors"]
    told = [(one["type"], one["extra_info"]["input_name"]) for one in errors]
    assert told[:1] == ([error] if error else [])
