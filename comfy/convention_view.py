"""A prompt as conventions read it: nodes with their raw titles and the inputs that have a value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from comfy.candidates import Candidate
from comfy.statements import Statement
from comfy.workflow import Prompt, links

# Which input of a node a wrapper's title means: the first of the first kind that the node has.
WRAPPER_KINDS = ("image", "video", "audio", "STRING", "BOOLEAN")


@dataclass(frozen=True)
class NodeView:
    """One node: `title` as its author wrote it, `inputs` with a value in the server's order, `links` to other nodes."""

    id: str
    class_type: str
    title: str
    inputs: Mapping[str, Candidate]
    links: Mapping[str, str] = field(default_factory=dict)


def views(prompt: Prompt, candidates: Sequence[Candidate]) -> list[NodeView]:
    """All nodes in the prompt's order."""
    inputs: dict[str, dict[str, Candidate]] = {node_id: {} for node_id in prompt}
    for one in candidates:
        inputs[one.node][one.input] = one
    return [
        NodeView(
            node_id,
            node["class_type"],
            _title(node),
            inputs[node_id],
            {name: source for name, source, _ in links(node)},
        )
        for node_id, node in prompt.items()
    ]


def first_named(node: NodeView, names: Iterable[str], type_: str | None = None) -> Candidate | None:
    """The first of these inputs that has a value (of this type)."""
    found = (node.inputs[name] for name in names if name in node.inputs)
    return next((one for one in found if type_ is None or one.type == type_), None)


def input_of_wrapper(node: NodeView) -> Candidate | None:
    """The one input that a wrapper shows of a node: a picture, video or sound before a text, a switch, the first."""
    usable = [one for one in node.inputs.values() if not (one.node_spec and one.spec is None)]
    kinds = [(_wrapper_kind(one), one) for one in usable]
    for wanted in WRAPPER_KINDS:
        for kind, one in kinds:
            if kind == wanted:
                return one
    numbers = (one for kind, one in kinds if kind in ("INT", "FLOAT"))
    return next(numbers, None) or next(iter(usable), None)


def text_of(node: NodeView, name: str) -> str:
    """A text that describes the field, "" if it is linked or none."""
    value = node.inputs[name].value if name in node.inputs else ""
    return " ".join(value.split()) if isinstance(value, str) else ""


def number_of(node: NodeView, *names: str) -> int | float | None:
    """The first of these inputs that holds a number."""
    for name in names:
        value = node.inputs[name].value if name in node.inputs else None
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return value
    return None


def hidden(source: str, node: NodeView, besides: str = "") -> list[Statement]:
    """Statements that leave out the inputs which only describe the field."""
    return [Statement(source, ((node.id, name),), group="hidden") for name in node.inputs if name != besides]


def _wrapper_kind(one: Candidate) -> str:
    if one.spec and one.spec.upload in ("image", "video", "audio"):
        return one.spec.upload
    if one.type == "COMBO" and one.input in ("image", "file"):
        return "image" if one.input == "image" else "video"
    return one.type


def _title(node: Mapping[str, Any]) -> str:
    title = node.get("_meta", {}).get("title")
    return title if isinstance(title, str) else ""
