"""Nodes for plain values, and a node that shows any value as text."""

from __future__ import annotations

import json

from comfyui_standin.nodes.base import (
    Inputs,
    NodeResult,
    NodeRun,
    node,
)


def pass_on(run: NodeRun, inputs: Inputs) -> NodeResult:
    return NodeResult((inputs["value"],))


def _show_anything(run: NodeRun, inputs: Inputs) -> NodeResult:
    value = inputs["source"]
    if isinstance(value, str):
        text = value
    elif isinstance(value, int | float | bool | dict | list):
        text = json.dumps(value)
    else:
        text = str(value)
    return NodeResult((text,), {"text": [text]})


NODES = [
    node("PrimitiveString", pass_on),
    node("PrimitiveStringMultiline", pass_on),
    node("PrimitiveInt", pass_on),
    node("PrimitiveFloat", pass_on),
    node("PrimitiveBoolean", pass_on),
    node("PreviewAny", _show_anything),
]
