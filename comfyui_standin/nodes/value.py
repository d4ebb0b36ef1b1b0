"""Nodes for plain values, and a node that shows any value as text."""

from __future__ import annotations

import json

from comfyui_standin.nodes.base import (
    Inputs,
    NodeClass,
    NodeResult,
    NodeRun,
    Spec,
    node,
    spec,
    v3_node,
)

_LARGEST = 2**63 - 1


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


def _primitive(
    name: str, title: str, type_: str, value: Spec, *, searched: bool, essential: bool = False
) -> tuple[str, NodeClass]:
    return v3_node(
        pass_on,
        name,
        title,
        "utilities/primitive",
        module="nodes_primitive",
        required={"value": value},
        outputs=[type_],
        essentials="Basics" if essential else None,
        aliases=[] if searched else None,
    )


NODES = [
    _primitive("PrimitiveString", "Text", "STRING", spec("STRING", multiline=False), searched=True),
    _primitive(
        "PrimitiveStringMultiline",
        "Text (Multiline)",
        "STRING",
        spec("STRING", multiline=True),
        searched=True,
        essential=True,
    ),
    _primitive(
        "PrimitiveInt",
        "Int",
        "INT",
        spec("INT", min=-_LARGEST, max=_LARGEST, control_after_generate="fixed"),
        searched=False,
    ),
    _primitive(
        "PrimitiveFloat",
        "Float",
        "FLOAT",
        spec("FLOAT", min=-_LARGEST, max=_LARGEST, step=0.1),
        searched=False,
    ),
    _primitive("PrimitiveBoolean", "Boolean", "BOOLEAN", spec("BOOLEAN"), searched=False),
    node(
        _show_anything,
        "PreviewAny",
        "Preview as Text",
        "utilities",
        required={"source": ["*", {}]},
        outputs=["STRING"],
        output_node=True,
        description="Shows any value as text.",
        module="comfy_extras.nodes_preview_any",
    ),
]
