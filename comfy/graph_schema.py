"""Editor graphs as values: the JSON that ComfyUI's editor saves, in both of its schemas, read once and checked here.

Schema 0.4 writes links as arrays, schema 1 as objects; subgraph definitions use objects in both. Native reroutes are
points on a link, not ends of it, so they need no reading. What is garbled is left out rather than refused, except
where nothing sensible remains.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy.errors import WorkflowError

# The two nodes every subgraph has: where its inputs come in, where its outputs leave.
INPUT_NODE = "-10"
OUTPUT_NODE = "-20"

ALWAYS, MUTED, BYPASSED = 0, 2, 4

BIGGEST = 2**53  # ids and slots beyond what JavaScript can count are no ids
DEEPEST_VALUE = 100

WRAPPERS = ("workflow", "extra_pnginfo", "extra_data", "graph")


@dataclass(frozen=True, slots=True)
class InputSlot:
    """A socket of a node. `widget` names the widget it stands for, if it is the socket of one."""

    name: str
    type: str
    link: int | None = None
    widget: str | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class OutputSlot:
    name: str
    type: str
    links: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    id: int
    origin: str
    origin_slot: int
    target: str
    target_slot: int
    type: str = "*"


@dataclass(frozen=True, slots=True)
class Node:
    """One node as saved. `widgets_values` is by position, or by name where a node pack saves it that way."""

    id: str
    type: str
    title: str = ""
    mode: int = ALWAYS
    inputs: tuple[InputSlot, ...] = ()
    outputs: tuple[OutputSlot, ...] = ()
    widgets_values: tuple[Any, ...] | Mapping[str, Any] | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    centre: tuple[float, float] = (0, 0)
    color: str = ""


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a whole subgraph; `links` are the links inside that begin or end there."""

    name: str
    type: str
    label: str = ""
    links: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """A titled group drawn around nodes: x, y, width and height."""

    title: str
    box: tuple[float, ...]

    def holds(self, node: Node) -> bool:
        """True for a node whose middle lies inside, which is how the editor decides."""
        x, y, width, height = self.box
        return 0 <= node.centre[0] - x < width and 0 <= node.centre[1] - y < height


@dataclass(frozen=True, slots=True)
class Graph:
    """The root graph (`id` may be empty) or one subgraph definition."""

    id: str
    name: str
    nodes: Mapping[str, Node]
    links: Mapping[int, Link]
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    groups: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A whole file: the root graph, the definitions its subgraph nodes refer to by type, and `extra` as saved."""

    root: Graph
    subgraphs: Mapping[str, Graph]
    extra: Mapping[str, Any]
    last_node_id: int = 0
    last_link_id: int = 0

    @property
    def graphs(self) -> Iterator[Graph]:
        yield from self.subgraphs.values()
        yield self.root


def find_graph(data: object, depth: int = 0) -> Mapping[str, Any] | None:
    """The graph in parsed JSON: all of it, or what other programs wrapped as `{"workflow": …}`; None for no graph.

    A prompt in API format is none, nor is anything without a list of nodes.
    """
    if not isinstance(data, dict):
        return None
    if isinstance(data.get("nodes"), list):
        return data
    inside = (find_graph(data.get(key), depth + 1) for key in WRAPPERS) if depth < 3 else iter(())
    return next((graph for graph in inside if graph is not None), None)


def read_document(data: object) -> Document:
    """Read a saved graph. Raises WorkflowError if `data` is not one."""
    found = find_graph(data)
    if found is None:
        raise WorkflowError(
            "This is not a graph saved by ComfyUI's editor: it has no list of nodes.",
            hint="Save the workflow in ComfyUI (Workflow, Save) and open that file.",
        )
    graphs = [_graph(raw) for raw in _definitions(found, depth=0)]
    state = _mapping(found.get("state"))
    return Document(
        root=_graph(found),
        subgraphs={graph.id: graph for graph in graphs if graph.id},
        extra=_mapping(found.get("extra")),
        last_node_id=_int(found.get("last_node_id", state.get("lastNodeId"))) or 0,
        last_link_id=_int(found.get("last_link_id", state.get("lastLinkId"))) or 0,
    )


def _definitions(data: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """All subgraph definitions; early versions nested them in one another."""
    for raw in _dicts(_mapping(data.get("definitions")).get("subgraphs")):
        yield raw
        if depth < 50:
            yield from _definitions(raw, depth + 1)


def read_nodes(raw: Mapping[str, Any]) -> list[Node]:
    """The `nodes` of a graph, or of a legacy group definition, whose nodes have a position and perhaps no id."""
    items = enumerate(_dicts(raw.get("nodes")))
    return [node for place, item in items if (node := _node({"id": place, **_without_none_id(item)}))]


def _without_none_id(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    return raw if raw.get("id") is not None else {key: value for key, value in raw.items() if key != "id"}


def _graph(raw: Mapping[str, Any]) -> Graph:
    nodes = [node for item in _dicts(raw.get("nodes")) if (node := _node(item))]
    raw_links = raw.get("links")
    links = [link for item in raw_links if (link := _link(item))] if isinstance(raw_links, list) else []
    return Graph(
        id=_str(raw.get("id")),
        name=_str(raw.get("name")),
        nodes={node.id: node for node in nodes},
        links={link.id: link for link in links},
        inputs=tuple(map(_port, _dicts(raw.get("inputs")))),
        outputs=tuple(map(_port, _dicts(raw.get("outputs")))),
        groups=tuple(map(_frame, _dicts(raw.get("groups")))),
    )


def _frame(raw: Mapping[str, Any]) -> Frame:
    return Frame(_str(raw.get("title")), _numbers(raw.get("bounding"), 4))


def _centre(raw: Mapping[str, Any]) -> tuple[float, float]:
    """The middle of a node as drawn, title bar (30 px, above its position) included."""
    (x, y), (width, height) = _numbers(raw.get("pos"), 2), _numbers(raw.get("size"), 2)
    return x + width / 2, y + (height - 30) / 2


def _numbers(value: object, count: int) -> tuple[float, ...]:
    """A few coordinates, which old files write as an object with the keys "0", "1"; zeros if they are no numbers."""
    items = list(value.values()) if isinstance(value, dict) else value
    if isinstance(items, list) and len(items) >= count:
        found = [float(n) for n in items[:count] if isinstance(n, int | float) and abs(n) < BIGGEST]
        return tuple(found) if len(found) == count else (0.0,) * count
    return (0.0,) * count


def _node(raw: Mapping[str, Any]) -> Node | None:
    node_id, node_type = node_key(raw.get("id")), raw.get("type")
    if node_id is None or not isinstance(node_type, str):
        return None
    values = raw.get("widgets_values")
    return Node(
        id=node_id,
        type=node_type,
        title=_str(raw.get("title")),
        mode=_int(raw.get("mode")) or ALWAYS,
        inputs=tuple(map(_input, _dicts(raw.get("inputs")))),
        outputs=tuple(map(_output, _dicts(raw.get("outputs")))),
        widgets_values=tuple(map(finite, values)) if isinstance(values, list) else _named(values),
        properties=_mapping(raw.get("properties")),
        centre=_centre(raw),
        color=_str(raw.get("color")),
    )


def _named(values: object) -> Mapping[str, Any] | None:
    return {key: finite(value) for key, value in values.items()} if isinstance(values, dict) else None


def finite(value: Any, depth: int = 0) -> Any:
    """A value as JSON can carry it: NaN and infinity, which Python reads without complaint, become None."""
    if depth > DEEPEST_VALUE:
        raise WorkflowError("A value in this workflow is nested too deeply.")
    match value:
        case float():
            return value if math.isfinite(value) else None
        case list():
            return [finite(item, depth + 1) for item in value]
        case dict():
            return {key: finite(item, depth + 1) for key, item in value.items()}
        case _:
            return value


def _input(raw: Mapping[str, Any]) -> InputSlot:
    widget = _mapping(raw.get("widget")).get("name")
    return InputSlot(
        name=_str(raw.get("name")),
        type=slot_type(raw.get("type")),
        link=_int(raw.get("link")),
        widget=widget if isinstance(widget, str) else None,
        label=_str(raw.get("label")),
    )


def _output(raw: Mapping[str, Any]) -> OutputSlot:
    return OutputSlot(_str(raw.get("name")), slot_type(raw.get("type")), _ints(raw.get("links")))


def _port(raw: Mapping[str, Any]) -> Port:
    return Port(_str(raw.get("name")), slot_type(raw.get("type")), _str(raw.get("label")), _ints(raw.get("linkIds")))


def _link(raw: object) -> Link | None:
    if isinstance(raw, list):
        fields = dict(zip(("id", "origin_id", "origin_slot", "target_id", "target_slot", "type"), raw, strict=False))
    else:
        fields = dict(_mapping(raw))
    link_id, origin, target = (
        _int(fields.get("id")),
        node_key(fields.get("origin_id")),
        node_key(fields.get("target_id")),
    )
    slots = _int(fields.get("origin_slot")) or 0, _int(fields.get("target_slot")) or 0
    if link_id is None or origin is None or target is None or min(slots) < 0:
        return None
    return Link(link_id, origin, slots[0], target, slots[1], slot_type(fields.get("type")))


def node_key(value: object) -> str | None:
    """Node ids are numbers in the editor and strings in some files; here always strings."""
    if isinstance(value, str):
        return value
    number = _int(value)
    return None if number is None else str(number)


def slot_type(value: object) -> str:
    """The type of a socket; old files write a combo as the list of its values, and 0 or -1 for "anything"."""
    if isinstance(value, list):
        return "COMBO"
    return value if isinstance(value, str) and value else "*"


def _int(value: object) -> int | None:
    match value:
        case bool():
            return None
        case int() if abs(value) < BIGGEST:
            return value
        case float() if abs(value) < BIGGEST and value.is_integer():
            return int(value)
        case str() if value.isascii() and value.isdecimal() and len(value) < 16:
            return int(value)
        case _:
            return None


def _ints(value: object) -> tuple[int, ...]:
    return tuple(n for item in value if (n := _int(item)) is not None) if isinstance(value, list) else ()


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> Iterator[Mapping[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())
