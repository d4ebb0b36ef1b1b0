"""Forms of Minimalistic Comfy Wrapper WebUI: `<Label:category[/tab]:row[/col]> args`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from comfy.form.candidates import Candidate
from comfy.form.conventions.layers import Layer, NodeView, Statement
from comfy.form.conventions.mcww_titles import WrapperTitle, read_wrapper_title
from comfy.workflow.config import FieldConfig, FieldGroup, Others

# The first kind in this list that the node has determines which input a wrapper's title means.
_WRAPPER_KINDS = ("image", "video", "audio", "STRING", "BOOLEAN")


def _input_of_wrapper(node: NodeView) -> Candidate | None:
    """Return the one input of a node that the wrapper shows: an image, video or audio before a
    text, a switch, a number, then any other."""
    usable = [
        candidate
        for candidate in node.inputs.values()
        if not (candidate.node_spec and candidate.spec is None)
    ]
    kinds = [(_wrapper_kind(candidate), candidate) for candidate in usable]
    for wanted in _WRAPPER_KINDS:
        for kind, candidate in kinds:
            if kind == wanted:
                return candidate
    numbers = (candidate for kind, candidate in kinds if kind in ("INT", "FLOAT"))
    return next(numbers, None) or next(iter(usable), None)


def _wrapper_kind(candidate: Candidate) -> str:
    if candidate.spec and candidate.spec.upload in ("image", "video", "audio"):
        return candidate.spec.upload
    if candidate.type == "COMBO" and candidate.input in ("image", "file"):
        return "image" if candidate.input == "image" else "video"
    return candidate.type


@dataclass(frozen=True, slots=True)
class WrapperNode:
    """A node with a wrapper title."""

    node: NodeView
    title: WrapperTitle
    position: int


def wrapper(nodes: Sequence[NodeView]) -> Layer:
    """Read `<Label:category[/tab]:row[/col]> args` titles of Minimalistic Comfy Wrapper WebUI.

    Each titled node is one field, in the order of category, tab, row and column. Other inputs are
    hidden if there is a prompt and an output, which that program requires.
    """
    titled = [
        WrapperNode(node, title, position)
        for position, node in enumerate(nodes)
        if (title := read_wrapper_title(node.title)) is not None
    ]
    if not titled:
        return Layer()
    outputs = tuple(
        wrapper_node.node.id for wrapper_node in titled if wrapper_node.title.category == "output"
    )
    statements, problems = [], []
    for wrapper_node in _in_order(
        [wrapper_node for wrapper_node in titled if wrapper_node.title.category != "output"]
    ):
        candidate = _input_of_wrapper(wrapper_node.node)
        if candidate is None:
            problems.append(
                f"“{wrapper_node.title.label}” has nothing to set: all inputs of node"
                f" {wrapper_node.node.id} are linked."
            )
        else:
            statements.append(_wrapper_statement(wrapper_node.title, candidate))
    complete = bool(outputs) and any(
        wrapper_node.title.category == "prompt" for wrapper_node in titled
    )
    titles = {wrapper_node.node.id: wrapper_node.title.label for wrapper_node in titled}
    others: Others = "hidden" if complete else "advanced"
    return Layer(tuple(statements), others, outputs, titles, problems=tuple(problems))


def _in_order(titled: Sequence[WrapperNode]) -> list[WrapperNode]:
    """Sort like that program: its categories, tabs by their lowest row, and rows with columns
    before single fields."""
    own = dict.fromkeys(
        wrapper_node.title.category
        for wrapper_node in titled
        if wrapper_node.title.category not in ("prompt", "important")
    )
    categories = list(dict.fromkeys(["prompt", "important", "advanced", *own]))
    tabs: dict[tuple[str, str | None], int] = {}
    for wrapper_node in titled:
        tab_key = (wrapper_node.title.category, wrapper_node.title.tab)
        tabs[tab_key] = min(wrapper_node.title.row, tabs.get(tab_key, wrapper_node.title.row))

    def order(wrapper_node: WrapperNode) -> tuple[int, int, str, int, bool, int, int]:
        title = wrapper_node.title
        tab = (tabs[title.category, title.tab], title.tab or "")
        return (
            categories.index(title.category),
            *tab,
            title.row,
            title.col is None,
            title.col or 0,
            wrapper_node.position,
        )

    return sorted(titled, key=order)


def _wrapper_statement(title: WrapperTitle, candidate: Candidate) -> Statement:
    limits = title.limits if candidate.type in ("INT", "FLOAT") else None
    low, high, step = limits or (None, None, None)
    widget: str | None = (
        "seed" if title.is_seed and candidate.type == "INT" else "slider" if limits else None
    )
    if title.args.lower() == "json" and candidate.type == "STRING":
        widget = "textarea"
    settings = FieldConfig(
        "", title.label, min=low, max=high, step=step if step and step > 0 else None, widget=widget
    )
    group: FieldGroup = "main" if title.category in ("prompt", "important") else "advanced"
    section = None if group == "main" else _section(title)
    return Statement("mcww", (candidate.ref,), settings, group, section)


def _section(title: WrapperTitle) -> str | None:
    if title.category == "advanced":
        return title.tab
    return f"{title.category}: {title.tab}" if title.tab else title.category
