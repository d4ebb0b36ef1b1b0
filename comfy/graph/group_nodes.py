"""Legacy group nodes (`workflow/NAME`), which the editor converts to subgraphs when it opens a
file.

A group node has one widget for each inner widget, and one socket for each inner input without an
inner link. Their names and order determine which saved value belongs to which widget. As in the
editor, the conversion loses some things, such as a link into an inner Reroute. The goal is the
prompt that the editor sends, not the author's intention. See docs/comfyui.md#38.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from comfy.base.errors import WorkflowError
from comfy.comfyui.input_spec import COMBO, InputSpec, compatible
from comfy.comfyui.object_info import NodeSpec
from comfy.graph.live import PRIMITIVE, LiveNode
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
    read_nodes,
    slot_type,
)
from comfy.graph.widget_types import widget_type
from comfy.graph.widgets import SEEDS

_PREFIXES = ("workflow/", "workflow>")
_REROUTE = "Reroute"
_BIGGEST_GROUP, _MOST_GROUP_NODES = 200, 200


@dataclass(slots=True)
class _Face:
    """A group node's outer widgets and sockets by name, each with its inner position."""

    specs: dict[str, InputSpec] = field(default_factory=dict)
    widgets: list[tuple[int, str, str]] = field(default_factory=list)
    sockets: list[tuple[int, str]] = field(default_factory=list)
    outputs: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Group:
    """A group definition: the inner nodes by position, and links between positions."""

    nodes: tuple[GraphNode, ...]
    links: tuple[tuple[int, int, int, int, str], ...]
    shown: frozenset[tuple[int, int]]
    config: Mapping[str, Any]

    def fed(self, node: int, slot: int) -> bool:
        return any(link[2:4] == (node, slot) for link in self.links)

    def feeds(self, node: int, slot: int) -> bool:
        return any(link[:2] == (node, slot) for link in self.links)


def expand_groups(document: SavedGraph, catalog: Mapping[str, NodeSpec]) -> SavedGraph:
    """Return the document with every group node in its root graph replaced by a subgraph. Other
    group nodes have no usable definition."""
    saved = document.extra.get("groupNodes")
    if not isinstance(saved, dict) or not saved:
        return document
    groups: dict[str, _Group | None] = {}
    group_nodes = [node for node in document.root.nodes.values() if _name(node.type) in saved]
    if len(group_nodes) > _MOST_GROUP_NODES:
        raise WorkflowError("This workflow has too many legacy group nodes.")
    for node in group_nodes:
        name = _name(node.type)
        if name not in groups:
            groups[name] = _read_group(saved[name], catalog)
        group = groups[name]
        if group is not None:
            document = _expand(document, node, group, catalog)
    return document


def _name(class_type: str) -> str:
    return next(
        (class_type.removeprefix(prefix) for prefix in _PREFIXES if class_type.startswith(prefix)),
        "",
    )


def _read_group(raw: object, catalog: Mapping[str, NodeSpec]) -> _Group | None:
    """Return a group's definition, or None if it is invalid, too big, or has unknown nodes."""
    if not isinstance(raw, dict):
        return None
    nodes = tuple(read_nodes(raw))
    known = (node.type in catalog or node.type in (_REROUTE, PRIMITIVE) for node in nodes)
    if len(nodes) > _BIGGEST_GROUP or not all(known):
        return None
    links, shown = raw.get("links"), raw.get("external")
    ends = (
        [link for link in links if isinstance(link, list) and len(link) > 3]
        if isinstance(links, list)
        else []
    )
    outside = (
        [place[:2] for place in shown if isinstance(place, list)] if isinstance(shown, list) else []
    )
    config = raw.get("config")
    return _Group(
        nodes=nodes,
        links=tuple(
            (end[0], end[1], end[2], end[3], slot_type(end[5] if len(end) > 5 else "*"))
            for end in ends[: 10 * _BIGGEST_GROUP]
            if all(type(n) is int and 0 <= n < 10_000 for n in end[:4])
        ),
        shown=frozenset(
            (p[0], p[1]) for p in outside if len(p) == 2 and all(type(n) is int for n in p)
        ),
        config=config if isinstance(config, dict) else {},
    )


def _expand(
    document: SavedGraph, node: GraphNode, group: _Group, catalog: Mapping[str, NodeSpec]
) -> SavedGraph:
    """Replace one group node. New ids are assigned as in the editor: the inner nodes first, then
    the host."""
    face = _face(group, catalog)
    first = 1 + max([document.last_node_id, *_numbers(document)])
    ids = [str(first + place) for place in range(len(group.nodes))]
    host_id = str(first + len(ids))
    outside = open_node(node, {}, {node.type: _as_class(node.type, face, group, catalog)})
    inside = [
        _with_values(replace(saved, id=ids[place]), place, outside, face, catalog)
        for place, saved in enumerate(group.nodes)
    ]
    definition = _definition(
        f"{node.type}:{host_id}", _name(node.type), inside, group, ids, catalog
    )
    host, definition = _host(node, host_id, definition, outside, face, ids)
    root = document.root
    nodes = {key: old for key, old in root.nodes.items() if key != node.id} | {host_id: host}
    links = {link.id: _moved(link, node.id, host) for link in root.links.values()}
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


def _face(group: _Group, catalog: Mapping[str, NodeSpec]) -> _Face:
    face, seen = _Face(), dict[str, int]()
    converted: list[tuple[int, str, InputSpec]] = []
    for index, node in enumerate(group.nodes):
        sockets: list[tuple[str, InputSpec]] = []
        turned: dict[int, tuple[str, InputSpec]] = {}
        for name, spec in _inputs_of(index, group, catalog).items():
            slot_index = next(
                (i for i, slot in enumerate(node.inputs) if slot.name == name == slot.widget), None
            )
            if not _is_widget(spec):
                sockets.append((name, spec))
            elif slot_index is not None:
                turned[slot_index] = (name, spec)
            else:
                label = _label(index, node, name, seen, group)
                face.specs[label] = replace(
                    spec, name=label, required=True, options=_seeded(name, spec)
                )
                face.widgets.append((index, name, label))
        for slot, (name, spec) in enumerate(sockets):
            if not group.fed(index, slot):
                label = _label(index, node, name, seen, group)
                if _setting(group, index, "input", name).get("visible") is not False:
                    face.specs[label] = replace(spec, name=label, required=True)
                    face.sockets.append((index, name))
        # In JavaScript's sort order for numbers.
        in_order = [turned[slot_index] for slot_index in sorted(turned, key=str)]
        converted += [
            (index, name, spec)
            for slot, (name, spec) in enumerate(in_order, start=len(sockets))
            if not group.fed(index, slot)
        ]
        face.outputs += [(index, slot) for slot in _shown_outputs(index, group, catalog)]
    for index, name, spec in converted:
        label = _label(index, group.nodes[index], name, seen, group)
        face.specs[label] = replace(spec, name=label, required=True)
        face.sockets.append((index, name))
    return face


def _inputs_of(
    place: int, group: _Group, catalog: Mapping[str, NodeSpec]
) -> Mapping[str, InputSpec]:
    node = group.nodes[place]
    if node.type not in (_REROUTE, PRIMITIVE):
        return catalog[node.type].by_name
    targets = [
        group.nodes[number].inputs[slot]
        for origin, _, number, slot, _ in group.links
        if origin == place and number < len(group.nodes) and slot < len(group.nodes[number].inputs)
    ]
    if node.type == PRIMITIVE:
        return _primitive(place, group, catalog, targets)
    kinds = [target.type for target in targets]
    fed = [link for link in group.links if link[2] == place]
    if fed and kinds and (place, 0) not in group.shown:
        return {}  # a reroute between two inner nodes shows no input
    kind = next(iter(kinds), "*")
    return {kind: InputSpec(kind, kind, required=True)}


def _primitive(
    place: int, group: _Group, catalog: Mapping[str, NodeSpec], targets: list[InputSlot]
) -> Mapping[str, InputSpec]:
    """Return an inner primitive's single widget. It has the type of the primitive's first link, and
    a number's control."""
    first = next((link for link in group.links if link[0] == place), None)
    if first is None:
        return {}
    node = catalog.get(group.nodes[first[2]].type) if first[2] < len(group.nodes) else None
    spec = node.by_name.get(targets[0].name) if node and targets else None
    if first[4] == COMBO and spec is not None:
        return {
            "value": replace(
                spec, name="value", options={**spec.options, "control_after_generate": True}
            )
        }
    options = {"control_after_generate": True}
    return {"value": InputSpec("value", first[4], required=True, options=options)}


def _is_widget(spec: InputSpec) -> bool:
    """Return whether an input is a widget. Combos in the old format, a bare list, count as sockets
    here because the editor looks up types by name."""
    return widget_type(spec) is not None and not (
        isinstance(spec.raw, list) and isinstance(spec.raw[0], list)
    )


def _label(place: int, node: GraphNode, name: str, seen: dict[str, int], group: _Group) -> str:
    chosen = _setting(group, place, "input", name).get("name")
    own = next((slot.label for slot in node.inputs if slot.name == name and slot.label), name)
    label = key = chosen if isinstance(chosen, str) else own
    if label in seen or (node.type == PRIMITIVE and node.title):
        prefix = f"{node.title or node.type} "
        label = key = f"{prefix}{name}"
        if label in seen:
            label = f"{prefix}{seen[label]} {name}"
    seen[key] = seen.get(key, 1) + 1
    return label


def _setting(group: _Group, place: int, side: str, name: object) -> Mapping[str, Any]:
    value: Any = group.config
    for key in (str(place), side, str(name)):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _seeded(name: str, spec: InputSpec) -> Mapping[str, Any]:
    return {**spec.options, "control_after_generate": True} if name in SEEDS else spec.options


def _shown_outputs(place: int, group: _Group, catalog: Mapping[str, NodeSpec]) -> Iterator[int]:
    spec = catalog.get(group.nodes[place].type)
    if spec is None and not _inputs_of(place, group, catalog):
        return
    for slot in range(len(spec.output_types) if spec else 1):
        hidden = group.feeds(place, slot) and (place, slot) not in group.shown
        visible = _setting(group, place, "output", slot).get("visible")
        if visible if isinstance(visible, bool) else not hidden:
            yield slot


def _as_class(name: str, face: _Face, group: _Group, catalog: Mapping[str, NodeSpec]) -> NodeSpec:
    kinds = tuple(
        catalog[kind].output_types[slot] if (kind := group.nodes[place].type) in catalog else "*"
        for place, slot in face.outputs
    )
    specs = tuple(face.specs.values())
    return NodeSpec(name, name, "", "", specs, kinds, kinds, output_node=False, raw={})


def _with_values(
    node: GraphNode, place: int, outside: LiveNode, face: _Face, catalog: Mapping[str, NodeSpec]
) -> GraphNode:
    """Return an inner node with the values that the group node stores for it."""
    if node.type == PRIMITIVE:
        widgets = [outside.widget(label) for where, _, label in face.widgets if where == place]
        value = tuple(widget.value for widget in widgets if widget)
        return replace(node, widgets_values=value, inputs=(), outputs=())
    live = open_node(node, {}, catalog)
    values = {widget.name: widget.value for widget in live.widgets if widget.stored}
    for where, name, label in face.widgets:
        widget = outside.widget(label)
        if where == place and widget is not None:
            values[name] = widget.value
    return replace(node, widgets_values=values, inputs=_unlinked(live))


def _unlinked(live: LiveNode) -> tuple[InputSlot, ...]:
    return tuple(
        InputSlot(slot.name, slot.type, None, slot.widget, slot.label) for slot in live.inputs
    )


def _definition(
    key: str,
    name: str,
    inside: list[GraphNode],
    group: _Group,
    ids: list[str],
    catalog: Mapping[str, NodeSpec],
) -> Graph:
    """Return the subgraph with the links between its nodes. Slot numbers refer to the opened
    nodes."""
    nodes = {node.id: node for node in inside}
    links: dict[int, GraphLink] = {}
    for number, (origin, origin_slot, target, target_slot, _) in enumerate(group.links, start=1):
        if max(origin, target) >= len(inside) or target_slot >= len(nodes[ids[target]].inputs):
            continue
        node = nodes[ids[target]]
        source = catalog.get(inside[origin].type)
        output_type = (
            source.output_types[origin_slot]
            if source and origin_slot < len(source.output_types)
            else "*"
        )
        if compatible(output_type, node.inputs[target_slot].type):
            links[number] = GraphLink(number, ids[origin], origin_slot, node.id, target_slot)
            nodes[node.id] = _linked(node, target_slot, number)
    for node in inside:
        if node.type == PRIMITIVE:
            fed = tuple(link.id for link in links.values() if link.origin == node.id)
            nodes[node.id] = replace(node, outputs=(OutputSlot("", "*", fed),))
    return Graph(key, name, nodes, links)


def _linked(node: GraphNode, slot: int, link: int) -> GraphNode:
    inputs = list(node.inputs)
    inputs[slot] = replace(inputs[slot], link=link)
    return replace(node, inputs=tuple(inputs))


def _host(
    node: GraphNode, host_id: str, graph: Graph, outside: LiveNode, face: _Face, ids: list[str]
) -> tuple[GraphNode, Graph]:
    """Return the subgraph node, with a port for each connected socket and each output of the group
    node."""
    nodes, links = dict(graph.nodes), dict(graph.links)
    number = max(links, default=0)
    ports: list[Port] = []
    slots: list[InputSlot] = []
    for (index, name), outer in zip(face.sockets, outside.inputs, strict=False):
        inner = nodes[ids[index]]
        slot_index = next((i for i, slot in enumerate(inner.inputs) if slot.name == name), None)
        if outer.link is None or slot_index is None:
            continue
        number += 1
        links[number] = GraphLink(number, INPUT_NODE, len(ports), inner.id, slot_index)
        nodes[inner.id] = _linked(inner, slot_index, number)
        slots.append(InputSlot(f"{name} {number}", outer.type, outer.link))
        ports.append(Port(f"{name} {number}", outer.type, links=(number,)))
    exits: list[Port] = []
    for index, slot in face.outputs:
        number += 1
        links[number] = GraphLink(number, ids[index], slot, OUTPUT_NODE, len(exits))
        exits.append(Port("", "*", links=(number,)))
    host = GraphNode(host_id, graph.id, node.title, node.mode, tuple(slots), tuple(outside.outputs))
    return host, replace(graph, nodes=nodes, links=links, inputs=tuple(ports), outputs=tuple(exits))


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
