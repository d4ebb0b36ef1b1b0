"""rgthree-comfy, whose loader has any number of LoRA rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from comfy.graph.packs.rule import PackRule
from comfy.graph.schema import GraphNode
from comfy.graph.widgets import NodeWidget

_HEADER = "PowerLoraLoaderHeaderWidget"
_ADD_BUTTON = "\N{HEAVY PLUS SIGN} Add Lora"
_SEPARATE = ("Show Strengths", "Separate Model & Clip")


def _lora_rows(node: GraphNode) -> Iterator[NodeWidget]:
    """Yield one widget for each saved row. The node reads every input whose name starts with
    `lora_`."""
    separate = node.properties.get(_SEPARATE[0]) == _SEPARATE[1]
    yield NodeWidget(_HEADER, {"type": _HEADER}, stored=False)
    rows = [row for row in _listed(node) if isinstance(row, dict) and "lora" in row]
    for number, row in enumerate(rows, start=1):
        yield NodeWidget(f"lora_{number}", _row(row, separate=separate), stored=False)
    yield NodeWidget(_ADD_BUTTON, "", stored=False)


def _listed(node: GraphNode) -> Iterable[Any]:
    saved = node.widgets_values
    return saved if isinstance(saved, tuple) else (saved or {}).values()


def _row(row: Mapping[str, Any], *, separate: bool) -> dict[str, Any]:
    sent = {key: value for key, value in row.items() if key != "strengthTwo"}
    if separate:
        second = row.get("strengthTwo")
        sent["strengthTwo"] = 1 if second is None else second
    return sent


RGTHREE_RULES: Mapping[str, PackRule] = {"Power Lora Loader (rgthree)": PackRule(added=_lora_rows)}
