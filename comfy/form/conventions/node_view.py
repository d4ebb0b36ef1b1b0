"""The conventions' view of a prompt: nodes with their raw titles and the inputs that have a
value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from comfy.base.json_values import as_number
from comfy.form.candidates import Candidate, FieldSource
from comfy.form.conventions.layers import Statement
from comfy.prompt.model import InputRef, Prompt, links, written_title


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node. `title` is as its author wrote it, `inputs` are those with a value in the server's
    order, and `links` lead to other nodes."""

    id: str
    class_type: str
    title: str
    inputs: Mapping[str, Candidate]
    links: Mapping[str, str] = field(default_factory=dict)


def views(prompt: Prompt, candidates: Sequence[Candidate]) -> list[NodeView]:
    """Return all nodes in the prompt's order."""
    inputs: dict[str, dict[str, Candidate]] = {node_id: {} for node_id in prompt}
    for candidate in candidates:
        inputs[candidate.node][candidate.input] = candidate
    return [
        NodeView(
            node_id,
            node["class_type"],
            written_title(node),
            inputs[node_id],
            {name: link.node for name, link in links(node)},
        )
        for node_id, node in prompt.items()
    ]


def first_named(node: NodeView, names: Iterable[str], type_: str | None = None) -> Candidate | None:
    """Return the first of these inputs that has a value (of this type), or None."""
    candidates = (node.inputs[name] for name in names if name in node.inputs)
    return next((one for one in candidates if type_ is None or one.type == type_), None)


def text_of(node: NodeView, name: str) -> str:
    """Return the text of an input that describes the field; "" if it is missing or linked."""
    value = node.inputs[name].value if name in node.inputs else ""
    return " ".join(value.split()) if isinstance(value, str) else ""


def number_of(node: NodeView, *names: str) -> int | float | None:
    """Return the number in the first of these inputs that holds one, or None."""
    for name in names:
        number = as_number(node.inputs[name].value) if name in node.inputs else None
        if number is not None:
            return number
    return None


def hidden(source: FieldSource, node: NodeView, besides: str = "") -> list[Statement]:
    """Return statements that hide the inputs that only describe the field."""
    return [
        Statement(source, (InputRef(node.id, name),), group="hidden")
        for name in node.inputs
        if name != besides
    ]
