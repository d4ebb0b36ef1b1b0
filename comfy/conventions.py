"""Conventions by which other programs let an author say, in a graph, what a form shows.

One reader each, in the table at the end; every reader answers a Layer whose statements carry its name as `source`.
The grammars of titles are in title_grammar.py, those of values in placeholders.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comfy.candidates import Candidate
from comfy.convention_nodes import comfy_pack, comfyui_deploy, swarmui
from comfy.convention_view import NodeView, first_named, input_of_wrapper, views
from comfy.form_config import FieldConfig
from comfy.form_fields import Group
from comfy.labels import plain_name
from comfy.placeholders import meant_value
from comfy.statements import KEEP, Layer, Statement
from comfy.title_grammar import KindTitle, WrapperTitle, read_kind_title, read_pixelle_title, read_wrapper_title
from comfy.workflow import Prompt

# How strict a layer is about what it does not mention.
STRICTNESS = ("auto", "advanced", "hidden")
# The title of the node that holds Pixelle's description of the whole workflow.
PIXELLE_DESCRIPTION = "MCP"
PIXELLE_OUTPUT = "output"


@dataclass(frozen=True)
class WrapperNode:
    """A node with a wrapper's title."""

    node: NodeView
    title: WrapperTitle
    position: int


def conventions(prompt: Prompt, candidates: Sequence[Candidate]) -> Layer:
    """All that conventions say about a prompt, as one layer."""
    nodes = views(prompt, candidates)
    found = [layer for read in CONVENTIONS.values() if (layer := read(nodes)) != Layer()]
    return Layer(
        statements=tuple(statement for layer in found for statement in layer.statements),
        others=max((layer.others for layer in found), key=STRICTNESS.index, default="auto"),
        outputs=tuple(dict.fromkeys(output for layer in found for output in layer.outputs)),
        titles={node: title for layer in found for node, title in layer.titles.items()},
        description=next((layer.description for layer in found if layer.description), ""),
        problems=tuple(problem for layer in found for problem in layer.problems),
    )


def wrapper(nodes: Sequence[NodeView]) -> Layer:
    """`<Label:category[/tab]:row[/col]> args` of Minimalistic Comfy Wrapper WebUI.

    Each titled node is one field, in the order of category, tab, row and column; nothing else is shown, as long as
    there is a prompt and an output, which that program asks for.
    """
    titled = [
        WrapperNode(node, title, position)
        for position, node in enumerate(nodes)
        if (title := read_wrapper_title(node.title)) is not None
    ]
    if not titled:
        return Layer()
    outputs = tuple(one.node.id for one in titled if one.title.category == "output")
    statements, problems = [], []
    for one in _in_order([one for one in titled if one.title.category != "output"]):
        candidate = input_of_wrapper(one.node)
        if candidate is None:
            problems.append(f"“{one.title.label}” has nothing to set: node {one.node.id} takes everything from links.")
        else:
            statements.append(_wrapper_statement(one.title, candidate))
    complete = bool(outputs) and any(one.title.category == "prompt" for one in titled)
    titles = {one.node.id: one.title.label for one in titled}
    others = "hidden" if complete else "advanced"
    return Layer(tuple(statements), others, outputs, titles, problems=tuple(problems))


def _in_order(titled: Sequence[WrapperNode]) -> list[WrapperNode]:
    """Categories as that program stacks them, tabs by their lowest row, rows with columns before single fields."""
    own = dict.fromkeys(one.title.category for one in titled if one.title.category not in ("prompt", "important"))
    categories = list(dict.fromkeys(["prompt", "important", "advanced", *own]))
    tabs: dict[tuple[str, str | None], int] = {}
    for one in titled:
        place = (one.title.category, one.title.tab)
        tabs[place] = min(one.title.row, tabs.get(place, one.title.row))

    def order(one: WrapperNode) -> tuple[int, int, str, int, bool, int, int]:
        title = one.title
        tab = (tabs[title.category, title.tab], title.tab or "")
        return (categories.index(title.category), *tab, title.row, title.col is None, title.col or 0, one.position)

    return sorted(titled, key=order)


def _wrapper_statement(title: WrapperTitle, candidate: Candidate) -> Statement:
    limits = title.limits if candidate.type in ("INT", "FLOAT") else None
    low, high, step = limits or (None, None, None)
    widget = "seed" if title.is_seed and candidate.type == "INT" else "slider" if limits else None
    if title.args.lower() == "json" and candidate.type == "STRING":
        widget = "textarea"
    said = FieldConfig("", title.label, min=low, max=high, step=step if step and step > 0 else None, widget=widget)
    group: Group = "main" if title.category in ("prompt", "important") else "advanced"
    section = None if group == "main" else _section(title)
    return Statement("mcww", ((candidate.node, candidate.input),), said, group, section)


def _section(title: WrapperTitle) -> str | None:
    if title.category == "advanced":
        return title.tab
    return f"{title.category}: {title.tab}" if title.tab else title.category


def pixelle(nodes: Sequence[NodeView]) -> Layer:
    """`$name.input!:help` of Pixelle; `$output.name` names an output, a node titled MCP describes the workflow."""
    statements, outputs, description = [], [], ""
    for node in nodes:
        title = read_pixelle_title(node.title)
        if title is None:
            if node.title.strip() == PIXELLE_DESCRIPTION:
                described = first_named(node, ("value", "text", "string"), "STRING")
                description = str(described.value).strip() if described else description
        elif title.name == PIXELLE_OUTPUT:
            outputs.append(node.id)
        elif title.input in node.inputs:
            said = FieldConfig("", plain_name(title.name), title.help or None, required=title.required or None)
            statements.append(Statement("pixelle", ((node.id, title.input),), said))
    if not statements and not outputs:
        return Layer()
    return Layer(tuple(statements), "advanced", tuple(outputs), description=description)


def kinds(nodes: Sequence[NodeView]) -> Layer:
    """`TEXT_…`, `SWITCH_…` and `MODEL_…` of the WebSocket guide; sampling values stay where they are."""
    statements = []
    for node in nodes:
        title = read_kind_title(node.title)
        candidate = KIND_INPUTS[title.kind](node) if title else None
        if title and candidate:
            said = FieldConfig("", _kind_label(title))
            statements.append(Statement("kind_titles", ((node.id, candidate.input),), said))
    return Layer(tuple(statements))


def _kind_label(title: KindTitle) -> str:
    words = plain_name(title.name)
    match title.kind:
        case "TEXT":
            return f"{words} prompt" if words.lower() in ("positive", "negative") else words
        case "MODEL":
            return f"{words} model"
        case _:
            return f"Switch {title.name}" if title.name.isdecimal() else words


def _text_input(node: NodeView) -> Candidate | None:
    named = first_named(node, ("text", "value", "prompt", "string", "text_g"), "STRING")
    return named or next((one for one in node.inputs.values() if one.type == "STRING"), None)


def _switch_input(node: NodeView) -> Candidate | None:
    return first_named(node, ("select", "switch", "index", "input", "value"))


def _model_input(node: NodeView) -> Candidate | None:
    named = (one for name, one in node.inputs.items() if name.endswith("_name") or "model" in name)
    return next(named, None) or next((one for one in node.inputs.values() if one.type == "COMBO"), None)


KIND_INPUTS: Mapping[str, Callable[[NodeView], Candidate | None]] = {
    "TEXT": _text_input,
    "SWITCH": _switch_input,
    "MODEL": _model_input,
}


def placeholders(nodes: Sequence[NodeView]) -> Layer:
    """`PARAM_INT_SEED` and `${prompt:a cat}` where a value goes; the heuristics place what they stand for."""
    found: list[tuple[Candidate, Any]] = [
        (one, value) for node in nodes for one in node.inputs.values() if (value := meant_value(one)) is not KEEP
    ]
    return Layer(
        tuple(Statement("placeholder", ((one.node, one.input),), group=None, value=value) for one, value in found)
    )


# Who is asked first about a node. The order only matters for graphs that mix conventions.
CONVENTIONS: Mapping[str, Callable[[Sequence[NodeView]], Layer]] = {
    "mcww": wrapper,
    "pixelle": pixelle,
    "kind_titles": kinds,
    "swarmui": swarmui,
    "comfyui_deploy": comfyui_deploy,
    "comfy_pack": comfy_pack,
    "placeholder": placeholders,
}
