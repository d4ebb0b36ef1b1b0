"""Nodes for plain values, and the one that shows anything as text."""

import json

from .catalogue import Spec, entry, spec, v3_entry
from .node import Inputs, Node, Run, fixed
from .values import Result

LARGEST = 2**63 - 1


def pass_on(run: Run, inputs: Inputs) -> Result:
    return Result((inputs["value"],))


def show_anything(run: Run, inputs: Inputs) -> Result:
    value = inputs["source"]
    if isinstance(value, str):
        text = value
    elif isinstance(value, int | float | bool | dict | list):
        text = json.dumps(value)
    else:
        text = str(value)
    return Result((text,), {"text": [text]})


def _primitive(name: str, title: str, type_: str, value: Spec, *, searched: bool, essential: bool = False) -> Node:
    return Node(
        fixed(
            v3_entry(
                name,
                title,
                "utilities/primitive",
                module="nodes_primitive",
                required={"value": value},
                outputs=[type_],
                essentials="Basics" if essential else None,
                aliases=[] if searched else None,
            )
        ),
        pass_on,
    )


NODES = {
    "PrimitiveString": _primitive("PrimitiveString", "Text", "STRING", spec("STRING", multiline=False), searched=True),
    "PrimitiveStringMultiline": _primitive(
        "PrimitiveStringMultiline",
        "Text (Multiline)",
        "STRING",
        spec("STRING", multiline=True),
        searched=True,
        essential=True,
    ),
    "PrimitiveInt": _primitive(
        "PrimitiveInt",
        "Int",
        "INT",
        spec("INT", min=-LARGEST, max=LARGEST, control_after_generate="fixed"),
        searched=False,
    ),
    "PrimitiveFloat": _primitive(
        "PrimitiveFloat", "Float", "FLOAT", spec("FLOAT", min=-LARGEST, max=LARGEST, step=0.1), searched=False
    ),
    "PrimitiveBoolean": _primitive("PrimitiveBoolean", "Boolean", "BOOLEAN", spec("BOOLEAN"), searched=False),
    "PreviewAny": Node(
        fixed(
            entry(
                "PreviewAny",
                "Preview as Text",
                "utilities",
                required={"source": ["*", {}]},
                outputs=["STRING"],
                output_node=True,
                description="Shows any value as text.",
                module="comfy_extras.nodes_preview_any",
            )
        ),
        show_anything,
    ),
}
