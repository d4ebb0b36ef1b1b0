"""Saved editor graphs: parse and validate the JSON of ComfyUI's editor, in both schemas.

Schema 0.4 writes links as arrays, schema 1 as objects. Subgraph definitions use objects in both.
Native reroutes are points on a link, not ends, so they aren't read. Invalid parts are dropped,
unless nothing usable remains.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy.base.errors import WorkflowError
from comfy.base.json_values import as_dicts, as_mapping, as_text

# The two nodes of every subgraph: the source of its inputs and the target of its outputs.
INPUT_NODE = "-10"
OUTPUT_NODE = "-20"

_ALWAYS, MUTED, BYPASSED = 0, 2, 4

_BIGGEST = 2**53  # ids and slots that JavaScript can't represent exactly are invalid


@dataclass(frozen=True, slots=True)
class InputSlot:
    """A node's socket. `widget` names the widget it belongs to, if any."""

    name: str
    type: str
    link: int | None = None
    widget: str | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class OutputSlot:
    """A saved node's output, with the ids of the links that start there."""

    name: str
    type: str
    links: tuple[int, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class GraphLink:
    """A link between two nodes, from the output of one to the input of the other."""

    id: int
    origin: str
    origin_slot: int
    target: str
    target_slot: int
    type: str = "*"


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One node as saved. `widgets_values` is ordered by position, or by name if a node pack saves
    it that way. `named_values` are the same values by name, which editors since 1.58 save, too."""

    id: str
    type: str
    title: str = ""
    mode: int = _ALWAYS
    inputs: tuple[InputSlot, ...] = ()
    outputs: tuple[OutputSlot, ...] = ()
    widgets_values: tuple[Any, ...] | Mapping[str, Any] | None = None
    named_values: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    centre: tuple[float, float] = (0, 0)
    color: str = ""


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a whole subgraph. `links` are the inner links that start or end
    there."""

    name: str
    type: str
    label: str = ""
    links: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """A titled group drawn around nodes: x, y, width and height."""

    title: str
    box: tuple[float, ...]

    def holds(self, node: GraphNode) -> bool:
        """Return whether the node's center is inside the group, which is the editor's criterion."""
        x, y, width, height = self.box
        return 0 <= node.centre[0] - x < width and 0 <= node.centre[1] - y < height


@dataclass(frozen=True, slots=True)
class Graph:
    """The root graph (`id` may be empty) or one subgraph definition."""

    id: str
    name: str
    nodes: Mapping[str, GraphNode]
    links: Mapping[int, GraphLink]
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    groups: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedGraph:
    """A whole file: the root graph, the definitions that its subgraph nodes reference by type, and
    `extra` as saved."""

    root: Graph
    subgraphs: Mapping[str, Graph]
    extra: Mapping[str, Any]
    last_node_id: int = 0
    last_link_id: int = 0

    @property
    def graphs(self) -> Iterator[Graph]:
        """Yield every graph of the file, the root last."""
        yield from self.subgraphs.values()
        yield self.root


def read_document(data: object) -> SavedGraph:
    """Read a saved graph (JSON of `comfy.base.json_values`). Raises WorkflowError."""
    document = as_mapping(data)
    if not isinstance(document.get("nodes"), list):
        raise WorkflowError(
            "This is not a graph saved by ComfyUI's editor: it has no list of nodes.",
            hint="Save the workflow in ComfyUI (Workflow, Save) and open that file.",
        )
    graphs = [_graph(raw) for raw in _definitions(document, depth=0)]
    state = as_mapping(document.get("state"))
    return SavedGraph(
        root=_graph(document),
        subgraphs={graph.id: graph for graph in graphs if graph.id},
        extra=as_mapping(document.get("extra")),
        last_node_id=_int(document.get("last_node_id", state.get("lastNodeId"))) or 0,
        last_link_id=_int(document.get("last_link_id", state.get("lastLinkId"))) or 0,
    )


def _definitions(data: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """Yield all subgraph definitions. Early versions nested them."""
    for raw in as_dicts(as_mapping(data.get("definitions")).get("subgraphs")):
        yield raw
        if depth < 50:
            yield from _definitions(raw, depth + 1)


def read_nodes(raw: Mapping[str, Any]) -> list[GraphNode]:
    """Return the nodes of a graph or of a legacy group definition, whose nodes have a position and
    maybe no id."""
    items = enumerate(as_dicts(raw.get("nodes")))
    return [
        node for place, item in items if (node := _node({"id": place, **_without_none_id(item)}))
    ]


def _without_none_id(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    return (
        raw
        if raw.get("id") is not None
        else {key: value for key, value in raw.items() if key != "id"}
    )


def _graph(raw: Mapping[str, Any]) -> Graph:
    nodes = [node for item in as_dicts(raw.get("nodes")) if (node := _node(item))]
    raw_links = raw.get("links")
    links = (
        [link for item in raw_links if (link := _link(item))] if isinstance(raw_links, list) else []
    )
    return Graph(
        id=as_text(raw.get("id")),
        name=as_text(raw.get("name")),
        nodes={node.id: node for node in nodes},
        links={link.id: link for link in links},
        inputs=tuple(map(_port, as_dicts(raw.get("inputs")))),
        outputs=tuple(map(_port, as_dicts(raw.get("outputs")))),
        groups=tuple(map(_frame, as_dicts(raw.get("groups")))),
    )


def _frame(raw: Mapping[str, Any]) -> Frame:
    return Frame(as_text(raw.get("title")), _numbers(raw.get("bounding"), 4))


def _centre(raw: Mapping[str, Any]) -> tuple[float, float]:
    """Return the center of a drawn node, including the title bar (30 px, above its position)."""
    (x, y), (width, height) = _numbers(raw.get("pos"), 2), _numbers(raw.get("size"), 2)
    return x + width / 2, y + (height - 30) / 2


def _numbers(value: object, count: int) -> tuple[float, ...]:
    """Return a few coordinates, zeros if they aren't numbers. In old files they are an object with
    the keys "0" and "1" instead of a list."""
    items = list(value.values()) if isinstance(value, dict) else value
    if isinstance(items, list) and len(items) >= count:
        numbers = [
            float(n) for n in items[:count] if isinstance(n, int | float) and abs(n) < _BIGGEST
        ]
        return tuple(numbers) if len(numbers) == count else (0.0,) * count
    return (0.0,) * count


def _node(raw: Mapping[str, Any]) -> GraphNode | None:
    node_id, node_type = node_key(raw.get("id")), raw.get("type")
    if node_id is None or not isinstance(node_type, str):
        return None
    return GraphNode(
        id=node_id,
        type=node_type,
        title=as_text(raw.get("title")),
        mode=_int(raw.get("mode")) or _ALWAYS,
        inputs=tuple(map(_input, as_dicts(raw.get("inputs")))),
        outputs=tuple(map(_output, as_dicts(raw.get("outputs")))),
        widgets_values=_values(raw.get("widgets_values")),
        named_values=as_mapping(raw.get("widgets_values_named")),
        properties=as_mapping(raw.get("properties")),
        centre=_centre(raw),
        color=as_text(raw.get("color")),
    )


def _values(saved: object) -> tuple[Any, ...] | Mapping[str, Any] | None:
    return tuple(saved) if isinstance(saved, list) else saved if isinstance(saved, dict) else None


def _input(raw: Mapping[str, Any]) -> InputSlot:
    widget = as_mapping(raw.get("widget")).get("name")
    return InputSlot(
        name=as_text(raw.get("name")),
        type=slot_type(raw.get("type")),
        link=_int(raw.get("link")),
        widget=widget if isinstance(widget, str) else None,
        label=as_text(raw.get("label")),
    )


def _output(raw: Mapping[str, Any]) -> OutputSlot:
    return OutputSlot(
        name=as_text(raw.get("name")),
        type=slot_type(raw.get("type")),
        links=_ints(raw.get("links")),
        label=as_text(raw.get("label")),
    )


def _port(raw: Mapping[str, Any]) -> Port:
    return Port(
        as_text(raw.get("name")),
        slot_type(raw.get("type")),
        as_text(raw.get("label")),
        _ints(raw.get("linkIds")),
    )


def _link(raw: object) -> GraphLink | None:
    if isinstance(raw, list):
        fields = dict(
            zip(
                ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type"),
                raw,
                strict=False,
            )
        )
    else:
        fields = dict(as_mapping(raw))
    link_id, origin, target = (
        _int(fields.get("id")),
        node_key(fields.get("origin_id")),
        node_key(fields.get("target_id")),
    )
    slots = _int(fields.get("origin_slot")) or 0, _int(fields.get("target_slot")) or 0
    if link_id is None or origin is None or target is None or min(slots) < 0:
        return None
    return GraphLink(link_id, origin, slots[0], target, slots[1], slot_type(fields.get("type")))


def node_key(value: object) -> str | None:
    """Return a node id as a string. Ids are numbers in the editor and strings in some files."""
    if isinstance(value, str):
        return value
    number = _int(value)
    return None if number is None else str(number)


def slot_type(value: object) -> str:
    """Return a socket's type. Old files write a combo as the list of its values, and "anything" as
    0 or -1."""
    if isinstance(value, list):
        return "COMBO"
    return value if isinstance(value, str) and value else "*"


def _int(value: object) -> int | None:
    match value:
        case bool():
            return None
        case int() if abs(value) < _BIGGEST:
            return value
        case float() if abs(value) < _BIGGEST and value.is_integer():
            return int(value)
        case str() if value.isascii() and value.isdecimal() and len(value) < 16:
            return int(value)
        case _:
            return None


def _ints(value: object) -> tuple[int, ...]:
    return (
        tuple(n for item in value if (n := _int(item)) is not None)
        if isinstance(value, list)
        else ()
    )
