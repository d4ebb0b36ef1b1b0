"""Convert an editor graph for one server into a prompt, with the author's arrangement.

App mode: the inputs and outputs that a graph's author chose to show, as the current editor saves
them.

`extra.linearData` is `{"inputs": [[id, widget, {"height"?}]…], "outputs": [id…]}`. The id of an
input is a node of the root graph, a node *inside* a subgraph whose widget is promoted, or
`GRAPH-UUID:NODE:WIDGET`; all three lead to the widget that the user of the app would see. See
docs/comfyui.md#43.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from comfy.base.errors import WorkflowError
from comfy.base.json_values import as_list, as_mapping, as_number
from comfy.comfyui.object_info import Catalog
from comfy.graph.convert import BoundWidget, Converted, convert
from comfy.graph.schema import node_key
from comfy.prompt.server_names import with_server_names
from comfy.requirements.read import models_of
from comfy.workflow.model import App, ShownInput, Workflow

# Titles that PrimitiveNodes have by themselves.
_NO_TITLE = re.compile(r"|primitive( ?node)?", re.IGNORECASE)
# Views of a camera, also of the pack that ComfyUI's own node replaced.
_CAMERA, _CAMERA_VIEWS = "CameraAngle", ("view", "camera_preview")
_ANGLES = ("horizontal_angle", "vertical_angle", "zoom")


def read_app(converted: Converted) -> App | None:
    """Return the app saved in a graph, or None if its author made none.

    Keeps an entry that the editor drops if it still names an input of the prompt: a widget inside a
    subgraph that was never promoted, or a widget that several subgraph nodes share. Leaves out
    entries that set nothing. An App with no other entries still counts as an App.
    """
    data = converted.extra.get("linearData")
    if not isinstance(data, dict):
        return None
    inputs: dict[tuple[str, str], ShownInput] = {}
    says_something = False
    for entry in as_list(data.get("inputs")):
        if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[1], str):
            continue
        says_something = True
        widget = find_widget(converted, entry[0], entry[1])
        found = [widget] if widget else _camera_angles(converted, entry[1])
        for one in found:
            if one.targets:
                shown = replace(_shown(one), height=_height(entry), fixed=_fixed(one))
                inputs.setdefault((one.node, one.name), shown)
    outputs = dict.fromkeys(
        place
        for stored in as_list(data.get("outputs"))
        for place in _places(converted, node_key(stored))
    )
    return App(tuple(inputs.values()), tuple(outputs)) if says_something or outputs else None


def promoted_inputs(converted: Converted) -> tuple[ShownInput, ...]:
    """Return the inputs that the subgraphs at the root promote, and those that a PrimitiveNode with
    its author's title sets."""
    at_root = (one for one in converted.widgets if ":" not in one.node and one.targets)
    shown = (
        replace(_shown(one), is_primitive=one.inside is None)
        for one in at_root
        if one.node not in converted.prompt
    )
    return tuple(one for one in shown if not one.is_primitive or not _NO_TITLE.fullmatch(one.label))


def find_widget(converted: Converted, raw_id: object, name: str) -> BoundWidget | None:
    """Return the widget for a stored id and widget name, in any of the three forms."""
    node = node_key(raw_id)
    if node is None:
        return None
    if ":" in node:
        # `GRAPH:NODE:WIDGET` names the widget itself. For `GRAPH:NODE`, the entry's second part
        # names it.
        _, node, *own = node.split(":", 2)
        return _at_root(converted, node, own[0] if own else name) or _at_root(converted, node, name)
    return (
        _at_root(converted, node, name)
        or _promoted(converted, node, name)
        or _inside(converted, node, name)
    )


def _camera_angles(converted: Converted, name: str) -> list[BoundWidget]:
    """Return the numbers that a view of the camera sets by dragging, if an entry names such a view.
    A view itself sets nothing."""
    if name not in _CAMERA_VIEWS:
        return []
    return [
        one
        for one in converted.widgets
        if one.name in _ANGLES
        and any(converted.prompt[ref.node]["class_type"] == _CAMERA for ref in one.targets)
    ]


def _at_root(converted: Converted, node: str, name: str) -> BoundWidget | None:
    """Return a widget by its own name. A PrimitiveNode's widget also matches the name of the widget
    that it feeds."""
    bound_widget = converted.widget(node, name)
    if bound_widget is None and node not in converted.prompt:
        mine = [widget for widget in converted.widgets if widget.node == node]
        bound_widget = mine[0] if len(mine) == 1 and mine[0].inside is None else None
    return bound_widget


def _promoted(converted: Converted, node: str, name: str) -> BoundWidget | None:
    """Return the widget on a root graph's subgraph node that shows this widget of an inner node."""
    at_root = [w for w in converted.widgets if ":" not in w.node and w.inside == (node, name)]
    return at_root[0] if len(at_root) == 1 else None


def _inside(converted: Converted, node: str, name: str) -> BoundWidget | None:
    """Return the widget that shows or sets this widget of a node inside a subgraph. Several widgets
    are merged into one that sets all their targets."""
    wanted = {(place, name) for place in _places(converted, node)}
    hits = [
        widget
        for widget in converted.widgets
        if wanted.intersection(widget.targets)
        or (widget.targets and widget.name == name and widget.node.rpartition(":")[2] == node)
    ]
    if not hits:
        return None
    return replace(
        hits[0], targets=tuple(dict.fromkeys(target for hit in hits for target in hit.targets))
    )


def _places(converted: Converted, node: str | None) -> list[str]:
    """Return a node id's forms in the prompt: itself at the root, otherwise the full id of each
    node with this id inside subgraphs."""
    if node is None or node in converted.prompt:
        return [node] if node else []
    return [place for place in converted.prompt if place.rpartition(":")[2] == node]


def _fixed(widget: BoundWidget) -> int | None:
    """Return the value of a number that the author's app keeps from run to run."""
    is_fixed = widget.control == "fixed" and type(widget.value) is int
    return widget.value if is_fixed else None


def _height(entry: list[Any]) -> int | None:
    config = entry[2] if len(entry) > 2 else None
    height = as_number(as_mapping(config).get("height"))
    return round(height) or None if height is not None and 0 < height < 10_000 else None


def _shown(widget: BoundWidget) -> ShownInput:
    """Return a widget as a form needs it. Drops a label that only repeats the input's name. A label
    such as "Prompt" for `prompt` stays."""
    options = widget.spec.options if widget.spec else {}
    low, high, step = (
        value if isinstance(value := options.get(name), int | float) and _is_limit(value) else None
        for name in ("min", "max", "step")
    )
    says_nothing = widget.label in (widget.name, widget.targets[0][1])
    label = "" if says_nothing else _plain(widget.label)
    return ShownInput(widget.targets, label, low, high, step, str(options.get("tooltip") or ""))


def _is_limit(value: float) -> bool:
    """Return whether a number is a limit, not just the range of 64 bits that ComfyUI's PrimitiveInt
    declares."""
    return abs(value) < 2**63 - 1


def _plain(label: str) -> str:
    """Turn an author's variable-style label into words: `positive_prompt` becomes "Positive
    prompt", for example."""
    words = label.strip(": ")
    return words.replace("_", " ").capitalize() if words.islower() and " " not in words else words


def on_server(workflow: Workflow, catalog: Catalog) -> Workflow:
    """Return the workflow with the prompt that ComfyUI's editor would send to the server with this
    catalog.

    Prefers the graph to the prompt saved with it, because the graph contains the App and the
    author's titles. Uses the prompt if the graph can't be converted. Raises WorkflowError if there
    is no prompt either.
    """
    own = replace(workflow, prompt=with_server_names(workflow.prompt, catalog))
    if workflow.graph is None:
        return own
    try:
        converted = convert(workflow.graph, catalog)
    except WorkflowError:
        if workflow.prompt:
            return own
        raise
    return replace(
        workflow,
        prompt=with_server_names(converted.prompt, catalog),
        names=converted.names,
        app=read_app(converted),
        promoted=promoted_inputs(converted),
        missing=converted.missing,
        models=models_of(workflow.graph),
        drawn=converted.drawn,
    )
