"""Layers of declarations about a form: the TOML file beside a workflow, its App, title conventions,
a subgraph's author.

Each layer consists of *statements* about prompt inputs, which `comfy.form.declare` applies. A
reader for another format only has to produce these.

The conventions' view of a prompt: nodes with their raw titles and the inputs that have a
value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from comfy.base.json_values import as_number
from comfy.base.wording import plain_words
from comfy.form.candidates import NO_SETTINGS, Candidate, FieldSource
from comfy.prompt.model import InputRef, Prompt, links, written_title
from comfy.workflow.config import FieldConfig, FieldGroup, Others
from comfy.workflow.model import App, ShownInput

# Treatment of inputs that a layer doesn't mention.
_STRICTNESS: tuple[Others, ...] = ("auto", "advanced", "hidden")


class Keep(Enum):
    """Marker for an input value that must not be replaced."""

    VALUE = "value"


KEEP = Keep.VALUE


@dataclass(frozen=True, slots=True)
class Statement:
    """One declared field with the prompt inputs that it sets. The first input determines type and
    default.

    Without a `group`, heuristics choose the place. `section` is the author's own heading,
    collapsed. `value` replaces a placeholder in the prompt (None: the server's default). `source`
    names the layer.
    """

    source: FieldSource
    targets: tuple[InputRef, ...]
    settings: FieldConfig = NO_SETTINGS
    group: FieldGroup | None = "main"
    section: str | None = None
    value: Any = KEEP


@dataclass(frozen=True, slots=True)
class Layer:
    """All statements of one layer, in the form's order.

    `others` is the treatment of unmentioned inputs: "auto" (by heuristics), "advanced" or "hidden".
    `outputs` are the nodes whose results count; if empty, all do. `titles` are better names for
    nodes.
    """

    statements: tuple[Statement, ...] = ()
    others: Others = "auto"
    outputs: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    description: str = ""
    problems: tuple[str, ...] = ()


def app_layer(app: App | None) -> Layer:
    """Return an App's statements. Its inputs are the only main fields."""
    if app is None or not app.inputs:
        return Layer(outputs=app.outputs if app else ())
    return Layer(
        tuple(_shown("app", one) for one in app.inputs if one.targets), "advanced", app.outputs
    )


def shown_layer(promoted: tuple[ShownInput, ...]) -> Layer:
    """Return statements for the inputs that authors promoted from subgraphs. Heuristics choose the
    place; a statement without a group doesn't move its input up.

    Most of these names come from slots ("video1_seed"), so they are converted to words. Names in an
    App were written for users.
    """
    named = (
        replace(one, label=plain_words(one.label) if one.label else "")
        for one in promoted
        if one.targets
    )
    return Layer(
        tuple(_shown("subgraph", one, None if one.is_primitive else "main") for one in named)
    )


def _shown(source: FieldSource, shown: ShownInput, group: FieldGroup | None = "main") -> Statement:
    settings = FieldConfig(
        "",
        shown.label or None,
        shown.tooltip or None,
        min=shown.min,
        max=shown.max,
        step=shown.step,
        height=shown.height,
        default=shown.fixed,
    )
    return Statement(source, shown.targets, settings, group)


def strictest(others: Iterable[Others]) -> Others:
    """Return the strictest `others` of several layers."""
    return max(others, key=_STRICTNESS.index, default=_STRICTNESS[0])


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
