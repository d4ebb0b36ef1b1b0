"""rgthree-comfy, whose nodes read inputs that they don't declare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from comfy.comfyui.input_spec import parse_input
from comfy.graph.packs.rule import PackRule
from comfy.graph.schema import GraphNode
from comfy.graph.widgets import NodeWidget

_SEPARATE = ("Show Strengths", "Separate Model & Clip")


def _lora_rows(node: GraphNode) -> Iterator[NodeWidget]:
    """Yield one widget for each saved row. The node reads every input whose name starts with
    `lora_`. The editor also sends the header and the button, which no node reads."""
    separate = node.properties.get(_SEPARATE[0]) == _SEPARATE[1]
    rows = [row for row in _listed(node) if isinstance(row, dict) and "lora" in row]
    for number, row in enumerate(rows, start=1):
        yield NodeWidget(f"lora_{number}", _row(row, separate=separate), stored=False)


def _listed(node: GraphNode) -> Iterable[Any]:
    saved = node.widgets_values
    return saved if isinstance(saved, tuple) else (saved or {}).values()


def _row(row: Mapping[str, Any], *, separate: bool) -> dict[str, Any]:
    sent = {key: value for key, value in row.items() if key != "strengthTwo"}
    if separate:
        second = row.get("strengthTwo")
        sent["strengthTwo"] = 1 if second is None else second
    return sent


def _typed_value(node: GraphNode) -> Iterator[NodeWidget]:
    """Yield the type and the value of a Power Primitive, with a spec that lets users edit it."""
    kind, value = (*_listed(node), None, None)[:2]
    kind = "BOOLEAN" if kind == "BOOL" else kind
    if kind not in ("STRING", "INT", "FLOAT", "BOOLEAN"):
        kind = "STRING"
    yield NodeWidget("type", kind, stored=False)
    spec = parse_input("value", [kind, {"multiline": kind == "STRING"}], required=True)
    yield NodeWidget("value", value, spec, stored=False)


def _outputs_and_code(node: GraphNode) -> Iterator[NodeWidget]:
    """Yield the output types and the program of a Power Puter."""
    outputs, code = (*_listed(node), None, None)[:2]
    yield NodeWidget("outputs", outputs or {"outputs": ["STRING"]}, stored=False)
    spec = parse_input("code", ["STRING", {"multiline": True}], required=True)
    yield NodeWidget("code", code or "", spec, stored=False)


RGTHREE_RULES: Mapping[str, PackRule] = {
    "Power Lora Loader (rgthree)": PackRule(added=_lora_rows),
    "Power Primitive (rgthree)": PackRule(added=_typed_value),
    "Power Puter (rgthree)": PackRule(added=_outputs_and_code),
}
