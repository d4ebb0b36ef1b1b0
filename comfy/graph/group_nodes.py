"""Legacy group nodes (`workflow/NAME`), which the editor converts to subgraphs when it opens a
file.

As in the editor, the conversion loses some things: a link into an inner Reroute, the mode of the
group node, and the number or choice of a primitive inside. The goal is the prompt that the editor
sends, not the author's intention. See docs/comfyui.md#38.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from comfy.base.errors import WorkflowError
from comfy.comfyui.input_spec import compatible
from comfy.comfyui.object_info import NodeSpec
from comfy.graph.group_face import REROUTE, Face, GroupDefinition, InnerLink, face_of, read_group
from comfy.graph.live import PRIMITIVE, LiveInput, LiveNode
from comfy.graph.open import open_node
from comfy.graph.schema import (
    INPUT_NODE,
    OUTPUT_NODE,
    Graph,
    GraphLink,
    GraphNode,
    InputSlot,
    OutputSlot,
    Port,
    SavedGraph,
)
from comfy.graph.widget_types import KINDS
from comfy.graph.widgets import NodeWidget

_PREFIXES = ("workflow/", "workflow>")
_MOST_GROUP_NODES = 200


def expand_groups(document: SavedGraph, catalog: Mapping[str, NodeSpec]) -> SavedGraph:
    """Return the document with every group node in its root graph replaced by a subgraph. Other
    group nodes have no usable definition."""
    saved = document.extra.get("groupNodes")
    if not isinstance(saved, dict) or not saved:
        return document
    groups: dict[str, tuple[GroupDefinition, Face] | None] = {}
    group_nodes = [node for node in document.root.nodes.values() if _name(node.type) in saved]
    if len(group_nodes) > _MOST_GROUP_NODES:
        raise WorkflowError("This workflow has too many legacy group nodes.")
    document = replace(document, last_node_id=max([document.last_node_id, *_numbers(document)]))
    for node in group_nodes:
        name = _name(node.type)
        if name not in groups:
            group = read_group(saved[name], catalog)
            groups[name] = (group, face_of(group, catalog)) if group else None
        read = groups[name]
        if read is not None:
            document = _expand(document, node, *read, catalog)
    return document


def _name(class_type: str) -> str:
    return next(
        (class_type.removeprefix(prefix) for prefix in _PREFIXES if class_type.startswith(prefix)),
        "",
    )


def _expand(
    document: SavedGraph,
    node: GraphNode,
    group: GroupDefinition,
    face: Face,
    catalog: Mapping[str, NodeSpec],
) -> SavedGraph:
    """Replace one group node. New ids are assigned as in the editor: the inner nodes first, then
    the host."""
    first = 1 + document.last_node_id
    ids = [str(first + place) for place in range(len(group.nodes))]
    host_id = str(first + len(ids))
    outside = open_node(node, {}, {node.type: face.as_class(node.type, group, catalog)})
    pasted = _Pasted.of(group, ids, catalog)
    pasted.take(face, _outer_values(document, outside))
    entries = [
        (pasted.lives[place], inner, outer)
        for (place, name), outer in zip(face.sockets, outside.inputs, strict=False)
        for inner in pasted.lives[place].inputs
        if inner.name == name and _reaches(document, outer, inner, catalog)
    ]
    for live, inner, outer in entries:
        value = _primitive_value(document, outer)
        if inner.widget and value is not None:
            pasted.values[ids.index(live.id)][inner.widget] = value
    host = GraphNode(host_id, f"{node.type}:{host_id}", node.title)
    host, ports = _enter(host, entries, pasted.links)
    exits = [(ids[place], slot) for place, slot in face.outputs]
    definition = _leave(
        Graph(host.type, _name(node.type), pasted.nodes(), pasted.links, ports), exits
    )
    host = replace(host, outputs=tuple(outside.outputs))
    root = document.root
    nodes = {key: old for key, old in root.nodes.items() if key != node.id} | {host_id: host}
    links = {
        link.id: _moved(link, node.id, host)
        for link in root.links.values()
        if link.origin != node.id or _leaves(document, link, pasted.lives, face, catalog)
    }
    return replace(
        document,
        root=replace(root, nodes=nodes, links=links),
        subgraphs={**document.subgraphs, definition.id: definition},
        last_node_id=int(host_id),
    )


def _numbers(document: SavedGraph) -> Iterator[int]:
    return (
        int(key)
        for graph in document.graphs
        for key in graph.nodes
        if key.isdecimal() and len(key) < 10
    )


def _outer_values(document: SavedGraph, outside: LiveNode) -> dict[str, Any]:
    """Return the values of a group node's widgets. Of the primitives, only those with a number set
    the widgets that they are linked to."""
    values = {widget.name: _as_shown(widget) for widget in outside.widgets}
    for slot in outside.inputs:
        number = _primitive_value(document, slot)
        if slot.widget and isinstance(number, int | float) and not isinstance(number, bool):
            values[slot.widget] = number
    return values


def _as_shown(widget: NodeWidget) -> object:
    """Return a widget's value after the editor drew it: a text field has no other values."""
    text = widget.spec is not None and bool(widget.spec.options.get("multiline"))
    return "" if text and widget.value is None else widget.value


def _primitive_value(document: SavedGraph, slot: LiveInput) -> object:
    """Return the saved value of the primitive that is linked to an input, or None."""
    link = document.root.links.get(slot.link) if slot.link is not None else None
    origin = document.root.nodes.get(link.origin) if link else None
    saved = origin.widgets_values if origin and origin.type == PRIMITIVE else None
    return saved[0] if isinstance(saved, tuple) and saved else None


@dataclass(frozen=True, slots=True)
class _Pasted:
    """The inner nodes as the editor pastes them: with their links and the definition's values,
    which the group node's values then replace."""

    lives: list[LiveNode]
    links: dict[int, GraphLink]
    values: list[dict[str, Any]]
    fed: dict[int, list[tuple[int, int, int]]]

    @classmethod
    def of(cls, group: GroupDefinition, ids: list[str], catalog: Mapping[str, NodeSpec]) -> _Pasted:
        """Paste a group's nodes. Slot numbers of links refer to the opened nodes."""
        lives = [
            open_node(replace(node, id=node_id, inputs=_unlinked(node.inputs)), {}, catalog)
            for node, node_id in zip(group.nodes, ids, strict=True)
        ]
        values = [{one.name: one.value for one in live.widgets if one.stored} for live in lives]
        pasted = cls(lives, {}, values, {})
        for number, inner in enumerate(group.inner_links, start=1):
            pasted._connect(number, inner)
        for place, ends in pasted.fed.items():
            # A primitive takes the value of its first widget, and copies it to the others.
            first, slot, _ = ends[0]
            pasted.spread(place, values[first].get(lives[first].inputs[slot].widget or ""))
        return pasted

    def _connect(self, number: int, inner: InnerLink) -> None:
        origin, target = inner.origin or 0, inner.target
        if max(origin, target) >= len(self.lives):
            return
        source, node = self.lives[origin], self.lives[target]
        if inner.target_slot >= len(node.inputs):
            return
        slot = node.inputs[inner.target_slot]
        if not _connects(source, inner.origin_slot, slot):
            return
        self.links[number] = GraphLink(
            number, source.id, inner.origin_slot, node.id, inner.target_slot
        )
        slot.link = number
        if source.type == PRIMITIVE:
            self.fed.setdefault(origin, []).append((target, inner.target_slot, number))

    def spread(self, primitive: int, value: object) -> None:
        """Set the widgets that a primitive feeds."""
        for place, slot, _ in self.fed.get(primitive, ()):
            widget = self.lives[place].inputs[slot].widget
            if widget in self.values[place]:
                self.values[place][widget] = value

    def take(self, face: Face, outer: Mapping[str, Any]) -> None:
        """Set the inner widgets to the group node's values. A primitive passes only a multiline
        text on."""
        for place, name, label in sorted(face.widgets, key=lambda widget: widget[0]):
            if label in outer and self.lives[place].type == PRIMITIVE:
                if face.specs[label].options.get("multiline"):
                    self.spread(place, outer[label])
            elif label in outer and name in self.values[place]:
                self.values[place][name] = outer[label]

    def nodes(self) -> dict[str, GraphNode]:
        """Return the nodes as a saved graph has them. A primitive has the value of the first widget
        that it feeds."""
        nodes: dict[str, GraphNode] = {}
        for place, live in enumerate(self.lives):
            node = replace(
                live.saved,
                inputs=tuple(map(_as_saved, live.inputs)),
                widgets_values=self.values[place],
                named_values={},
            )
            if live.type == PRIMITIVE:
                leaving = tuple(number for *_, number in sorted(self.fed.get(place, ())))
                node = replace(node, outputs=(OutputSlot("", "*", leaving),), widgets_values=())
            nodes[live.id] = node
        return nodes


def _unlinked(slots: tuple[InputSlot, ...]) -> tuple[InputSlot, ...]:
    return tuple(replace(slot, link=None) for slot in slots)


def _as_saved(slot: LiveInput) -> InputSlot:
    return InputSlot(slot.name, slot.type, slot.link, slot.widget, slot.label)


def _connects(origin: LiveNode, slot: int, target: LiveInput) -> bool:
    """Return whether the editor connects two slots. Primitives connect to widgets only."""
    if origin.type == PRIMITIVE and not target.widget and target.type not in KINDS:
        return False
    output = origin.output(slot)
    if origin.type == REROUTE or (output is None and origin.type == PRIMITIVE):
        return slot == 0
    return output is not None and compatible(output.type, target.type)


def _reaches(
    document: SavedGraph, outer: LiveInput, inner: LiveInput, catalog: Mapping[str, NodeSpec]
) -> bool:
    """Return whether the editor moves a link of the group node to an inner input."""
    link = document.root.links.get(outer.link) if outer.link is not None else None
    origin = document.root.nodes.get(link.origin) if link else None
    if link is None or origin is None:
        return False
    live = open_node(origin, {}, catalog)
    output = live.output(link.origin_slot)
    return live.virtual or output is None or compatible(output.type, inner.type)


def _leaves(
    document: SavedGraph,
    link: GraphLink,
    lives: list[LiveNode],
    face: Face,
    catalog: Mapping[str, NodeSpec],
) -> bool:
    """Return whether the editor moves a link of the group node to an inner output."""
    target = document.root.nodes.get(link.target)
    if target is None or link.origin_slot >= len(face.outputs):
        return False
    place, slot = face.outputs[link.origin_slot]
    output, socket = lives[place].output(slot), open_node(target, {}, catalog).linked(link.id)
    if output is None or socket is None or lives[place].virtual:
        return True
    return compatible(output.type, socket.type)


def _enter(
    host: GraphNode,
    entries: list[tuple[LiveNode, LiveInput, LiveInput]],
    links: dict[int, GraphLink],
) -> tuple[GraphNode, tuple[Port, ...]]:
    """Return the subgraph node with an input for each connected socket of the group node, and the
    subgraph's inputs. Adds the links inside."""
    ports: list[Port] = []
    slots: list[InputSlot] = []
    for number, (node, inner, outer) in enumerate(entries, start=1 + max(links, default=0)):
        place = node.inputs.index(inner)
        links[number] = GraphLink(number, INPUT_NODE, len(ports), node.id, place)
        inner.link = number
        name = f"{inner.name} {number}"
        slots.append(InputSlot(name, outer.type, outer.link))
        ports.append(Port(name, outer.type, links=(number,)))
    return replace(host, inputs=tuple(slots)), tuple(ports)


def _leave(graph: Graph, exits: list[tuple[str, int]]) -> Graph:
    """Return the subgraph with an output for each output of the group node."""
    first = 1 + max(graph.links, default=0)
    links = {
        first + place: GraphLink(first + place, node, slot, OUTPUT_NODE, place)
        for place, (node, slot) in enumerate(exits)
    }
    outputs = tuple(Port("", "*", links=(number,)) for number in links)
    return replace(graph, links={**graph.links, **links}, outputs=outputs)


def _moved(link: GraphLink, old: str, host: GraphNode) -> GraphLink:
    """Return a link of the root graph, redirected from the group node to the host that replaces
    it."""
    slot = next(
        (place for place, slot in enumerate(host.inputs) if slot.link == link.id), link.target_slot
    )
    return replace(
        link,
        origin=host.id if link.origin == old else link.origin,
        target=host.id if link.target == old else link.target,
        target_slot=slot,
    )
