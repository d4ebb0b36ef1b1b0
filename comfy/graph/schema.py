"""Saved editor graphs: parse and validate the JSON of ComfyUI's editor, in both schemas.

Schema 0.4 writes links as arrays, schema 1 as objects. Subgraph definitions use objects in both.
Native reroutes are points on a link, not ends, so they aren't read. Invalid parts are dropped,
unless nothing usable remains.

Names of node packs in saved nodes, as the editor exports them with a prompt.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from comfy.base.errors import WorkflowError
from comfy.base.json_values import as_dicts, as_mapping, as_text

# The two nodes of every subgraph: the source of its inputs and the target of its outputs.
INPUT_NODE = "-10"
OUTPUT_NODE = "-20"
_ALWAYS, MUTED, BYPASSED = 0, 2, 4
_BIGGEST = 2**53  # ids and slots that JavaScript can't represent exactly are invalid
_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,98}[a-zA-Z0-9])?"
# A pack's id in the registry, its GitHub repository, and its version or commit.
_SHAPES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "cnr_id": re.compile(_NAME),
        "aux_id": re.compile(rf"[a-zA-Z0-9-]{{1,39}}/{_NAME}"),
        "ver": re.compile(r"\d{1,9}\.\d{1,9}\.\d[\w.+-]{0,99}|[0-9a-fA-F]{4,40}|unknown"),
    }
)


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
    it that way. `named_values` are the same values by name, which editors since 1.58 save, too.
    `linked`: the links by input slot, if the file doesn't list the node's inputs."""

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
    linked: Mapping[int, int] = field(default_factory=dict)


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
    graph = Graph(
        id=as_text(raw.get("id")),
        name=as_text(raw.get("name")),
        nodes={node.id: node for node in nodes},
        links={link.id: link for link in links},
        inputs=tuple(map(_port, as_dicts(raw.get("inputs")))),
        outputs=tuple(map(_port, as_dicts(raw.get("outputs")))),
        groups=tuple(map(_frame, as_dicts(raw.get("groups")))),
    )
    unlisted = (item for item in as_dicts(raw.get("nodes")) if "inputs" not in item)
    return _with_linked(
        _with_own_ids(graph, links), {node_key(item.get("id")) for item in unlisted}
    )


def _with_linked(graph: Graph, unlisted: set[str | None]) -> Graph:
    """Return the graph with the links to nodes whose inputs the file doesn't list, as written by
    hand or by a language model."""
    linked: dict[str, dict[int, int]] = {}
    for link in graph.links.values():
        if link.target in unlisted:
            linked.setdefault(link.target, {})[link.target_slot] = link.id
    nodes = {
        node.id: replace(node, linked=linked[node.id]) if node.id in linked else node
        for node in graph.nodes.values()
    }
    return replace(graph, nodes=nodes) if linked else graph


def _with_own_ids(graph: Graph, links: list[GraphLink]) -> Graph:
    """Return the graph with an id of its own for each link, if several links share one."""
    counts = Counter(link.id for link in set(links))
    shared = [link for link in dict.fromkeys(links) if counts[link.id] > 1]
    if not shared:
        return graph
    numbers = itertools.count(max(graph.links) + 1)
    renewed = _Renewed([(link.id, replace(link, id=next(numbers))) for link in shared])
    return replace(
        graph,
        nodes={node.id: renewed.node(node) for node in graph.nodes.values()},
        links={**graph.links, **{link.id: link for _, link in renewed.pairs}},
        inputs=tuple(
            replace(port, links=renewed.from_output(port.links, INPUT_NODE, slot))
            for slot, port in enumerate(graph.inputs)
        ),
        outputs=tuple(
            replace(port, links=renewed.into_port(port.links, slot))
            for slot, port in enumerate(graph.outputs)
        ),
    )


class _Renewed:
    """Links that shared an id, each with a new one."""

    def __init__(self, pairs: list[tuple[int, GraphLink]]) -> None:
        """Index pairs of the shared id and the link with its new id."""
        self.pairs = pairs
        self._shared = {old for old, _ in pairs}
        self._ends: dict[tuple[int, str, int | None], int] = {}
        self._starts: dict[tuple[int, str, int], list[int]] = {}
        for old, link in pairs:
            for slot in (link.target_slot, None):
                self._ends.setdefault((old, link.target, slot), link.id)
            self._starts.setdefault((old, link.origin, link.origin_slot), []).append(link.id)

    def node(self, node: GraphNode) -> GraphNode:
        """Return the node with the new ids at its sockets."""
        inputs = (
            replace(socket, link=self._into(socket.link, node.id, slot))
            for slot, socket in enumerate(node.inputs)
        )
        outputs = (
            replace(socket, links=self.from_output(socket.links, node.id, slot))
            for slot, socket in enumerate(node.outputs)
        )
        return replace(node, inputs=tuple(inputs), outputs=tuple(outputs))

    def from_output(self, ids: tuple[int, ...], node: str, slot: int) -> tuple[int, ...]:
        """Return the ids of the links that start at this output."""
        return tuple(
            link_id
            for old in ids
            for link_id in (
                self._starts.get((old, node, slot), ()) if old in self._shared else [old]
            )
        )

    def into_port(self, ids: tuple[int, ...], slot: int) -> tuple[int, ...]:
        """Return the ids of the links that end at this output of the subgraph."""
        ends = (self._into(old, OUTPUT_NODE, slot) for old in ids)
        return tuple(link_id for link_id in ends if link_id is not None)

    def _into(self, old: int | None, node: str, slot: int) -> int | None:
        """Return the link that ends at this input, otherwise one that ends at its node."""
        if old is None or old not in self._shared:
            return old
        return self._ends.get((old, node, slot), self._ends.get((old, node, None)))


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


def pack_names(properties: Mapping[str, object]) -> dict[str, str]:
    """Return the valid ones of a saved node's `cnr_id`, `aux_id` and `ver` (docs/comfyui.md#59)."""
    texts = {key: properties.get(key) for key in _SHAPES}
    found = {
        key: text.removeprefix("v") if key == "ver" else text
        for key, text in texts.items()
        if isinstance(text, str)
    }
    return {key: text for key, text in found.items() if _SHAPES[key].fullmatch(text)}
