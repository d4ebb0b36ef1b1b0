"""Prompts of the shipped workflows."""

from __future__ import annotations

import json
from typing import Any

from tests.support.serving import WORKFLOWS

MODEL = "demo-landscapes.safetensors"


def prompt(**inputs: object) -> dict[str, Any]:
    """Return the prompt of `text-to-image` with these values (`n5_steps=4`)."""
    nodes: dict[str, Any] = json.loads((WORKFLOWS / "text-to-image.json").read_text("utf-8"))
    for key, value in {"n1_ckpt_name": MODEL, **inputs}.items():
        node, _, name = key.removeprefix("n").partition("_")
        nodes[node]["inputs"][name] = value
    return nodes
