"""App mode: the inputs and outputs that a graph's author chose to show, as the current editor saves them.

`extra.linearData` is `{"inputs": [[id, widget, {"height"?}]…], "outputs": [id…]}`. The id of an input is a node of the
root graph, a node *inside* a subgraph whose widget is promoted, or `GRAPH-UUID:NODE:WIDGET`; all three lead to the
widget that the user of the app would see. Facts from ComfyUI_frontend 1.49.6 (`appModeStore`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from comfy.graph import BoundWidget, Converted
from comfy.graph_schema import node_key


@dataclass(frozen=True)
class AppInput:
    """One exposed widget, and the height in pixels its author gave it (0: none)."""

    widget: BoundWidget
    height: float = 0


@dataclass(frozen=True)
class App:
    """What an app shows. `opens_as_app` is how its author left it; `lost` are stored entries that lead nowhere now."""

    inputs: tuple[AppInput, ...]
    outputs: tuple[str, ...]
    opens_as_app: bool
    lost: tuple[str, ...]


def read_app(converted: Converted) -> App | None:
    """The app saved in a graph, or None if its author made none.

    An entry which the editor drops is kept if it still names a place in the prompt: a widget inside a subgraph that
    was never promoted, or one that several subgraph nodes share. Entries that set nothing are kept too: they are shown.
    """
    data = converted.extra.get("linearData")
    if not isinstance(data, dict):
        return None
    found: dict[tuple[str, str], AppInput] = {}
    lost: list[str] = []
    for entry in _items(data.get("inputs")):
        if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[1], str):
            continue
        widget = find_widget(converted, entry[0], entry[1])
        if widget is None:
            lost.append(f"{entry[0]}: {entry[1]}"[:200])
        else:
            found.setdefault((widget.node, widget.name), AppInput(widget, _height(entry)))
    outputs = [place for stored in _items(data.get("outputs")) for place in _places(converted, node_key(stored))]
    if not found and not outputs and not lost:
        return None
    return App(
        tuple(found.values()), tuple(dict.fromkeys(outputs)), converted.extra.get("linearMode") is True, tuple(lost)
    )


def find_widget(converted: Converted, stored: object, name: str) -> BoundWidget | None:
    """The widget a stored id and widget name stand for, in any of the three forms."""
    node = node_key(stored)
    if node is None:
        return None
    if ":" in node:
        # GRAPH:NODE:WIDGET names the widget itself; GRAPH:NODE leaves that to the entry's second part.
        _, node, *own = node.split(":", 2)
        return _at_root(converted, node, own[0] if own else name) or _at_root(converted, node, name)
    return _at_root(converted, node, name) or _promoted(converted, node, name) or _inside(converted, node, name)


def _at_root(converted: Converted, node: str, name: str) -> BoundWidget | None:
    """A widget by its own name; the one of a PrimitiveNode also by the name of the widget it feeds."""
    found = converted.widget(node, name)
    if found is None and node not in converted.prompt:
        mine = [widget for widget in converted.widgets if widget.node == node]
        found = mine[0] if len(mine) == 1 and mine[0].inside is None else None
    return found


def _promoted(converted: Converted, node: str, name: str) -> BoundWidget | None:
    """The widget on a subgraph node of the root graph that shows this widget of a node inside."""
    at_root = [w for w in converted.widgets if ":" not in w.node and w.inside == (node, name)]
    return at_root[0] if len(at_root) == 1 else None


def _inside(converted: Converted, node: str, name: str) -> BoundWidget | None:
    """Whatever shows or sets this widget of a node inside a subgraph; one for all of them if there are several."""
    wanted = {(place, name) for place in _places(converted, node)}
    hits = [
        widget
        for widget in converted.widgets
        if wanted.intersection(widget.targets)
        or (widget.targets and widget.name == name and widget.node.rpartition(":")[2] == node)
    ]
    if not hits:
        return None
    return replace(hits[0], targets=tuple(dict.fromkeys(target for hit in hits for target in hit.targets)))


def _places(converted: Converted, node: str | None) -> list[str]:
    """A node id as the prompt has it: itself at the root, else every place of a node of that id inside subgraphs."""
    if node is None or node in converted.prompt:
        return [node] if node else []
    return [place for place in converted.prompt if place.rpartition(":")[2] == node]


def _height(entry: list[Any]) -> float:
    config = entry[2] if len(entry) > 2 and isinstance(entry[2], Mapping) else {}
    height = config.get("height")
    return height if isinstance(height, int | float) and not isinstance(height, bool) and 0 < height < 10_000 else 0


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
