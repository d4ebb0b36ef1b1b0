"""Legacy group nodes (`workflow/NAME`), which the editor converts to subgraphs when it opens a
file.

As in the editor, the conversion loses some things: a link into an inner Reroute, the mode of the
group node, and the number or choice of a primitive inside. The goal is the prompt that the editor
sends, not the author's intention. See docs/comfyui.md#38.

Faces of legacy group nodes: the definition of a group, and the widgets and sockets that the
editor gives its nodes.

A group node has one widget for each inner widget, and one socket for each inner input without an
inner link. Their names and order determine which saved value belongs to which widget. See
docs/comfyui.md#38.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from comfy.base.errors import WorkflowError
from comfy.base.json_values import as_mapping
from comfy.comfyui.input_spec import COMBO, InputSpec, compatible
from comfy.comfyui.object_info import NodeSpec
from comfy.graph.live import PRIMITIVE, VIRTUAL, LiveInput, LiveNode
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
from comfy.graph.widgets import KINDS, SEEDS, NodeWidget, widget_type

REROUTE = "Reroute"
_UPLOADS = frozenset({"image", "audio", "video"})
_BIGGEST_GROUP = 200
_PREFIXES = ("workflow/", "workflow>")
_MOST_GROUP_NODES = 200


@dataclass(frozen=True, slots=True)
class InnerLink:
    """A link of a group definition. Its ends are positions of nodes. A link from outside has no
    `origin`."""

    origin: int | None
    origin_slot: int
    target: int
    target_slot: int
    type: object


@dataclass(frozen=True)
class GroupDefinition:
    """A group definition: the inner nodes by position, the links between them, and the outputs that
    also have links to the outside, with their types."""

    nodes: tuple[GraphNode, ...]
    links: tuple[InnerLink, ...]
    outside: Mapping[tuple[int, int], str]
    config: Mapping[str, Any]

    @cached_property
    def inner_links(self) -> tuple[InnerLink, ...]:
        """Return the links that start inside the group."""
        return tuple(link for link in self.links if link.origin is not None)

    @cached_property
    def fed(self) -> Mapping[tuple[int, int], InnerLink]:
        """Return the last inner link of each input that has one."""
        return {(link.target, link.target_slot): link for link in self.inner_links}

    @cached_property
    def feeding(self) -> Mapping[int, list[InnerLink]]:
        """Return the inner links of each node that has outgoing ones."""
        links: dict[int, list[InnerLink]] = {}
        for link in self.inner_links:
            links.setdefault(link.origin or 0, []).append(link)
        return links

    def hides(self, node: int, slot: int) -> bool:
        """Return whether an output has inner links only."""
        linked = any(link.origin_slot == slot for link in self.feeding.get(node, ()))
        return linked and (node, slot) not in self.outside

    def input_at(self, link: InnerLink) -> InputSlot | None:
        """Return the saved input at a link's end, or None."""
        inputs = self.nodes[link.target].inputs if link.target < len(self.nodes) else ()
        return inputs[link.target_slot] if link.target_slot < len(inputs) else None

    def setting(self, node: int, side: str, name: object) -> Mapping[str, Any]:
        """Return the author's settings for an inner input or output."""
        value: Any = self.config
        for key in (str(node), side, str(name)):
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}


@dataclass(slots=True)
class Face:
    """A group node's outer widgets and sockets by name, each with its inner position.

    The editor numbers the sockets without counting widgets' sockets. A link to a widget that was
    turned into an input therefore reaches another widget's socket, or none.
    """

    specs: dict[str, InputSpec] = field(default_factory=dict)
    widgets: list[tuple[int, str, str]] = field(default_factory=list)
    sockets: list[tuple[int, str]] = field(default_factory=list)
    outputs: list[tuple[int, int]] = field(default_factory=list)

    def add(self, label: str, spec: InputSpec) -> None:
        """Add an input under its outer name. Seeds keep their control in spite of that name."""
        seed = {"control_after_generate": True} if spec.name in SEEDS else {}
        options = {**spec.options, **seed}
        self.specs[label] = replace(spec, name=label, required=True, options=options)

    def as_class(
        self, name: str, group: GroupDefinition, catalog: Mapping[str, NodeSpec]
    ) -> NodeSpec:
        """Return the class that the editor registers for the group."""
        kinds = tuple(
            catalog[kind].output_types[slot] if (kind := group.nodes[node].type) in catalog else "*"
            for node, slot in self.outputs
        )
        specs = tuple(self.specs.values())
        return NodeSpec(name, name, "", "", specs, kinds, kinds, output_node=False, raw={})


def _read_group(raw: object, catalog: Mapping[str, NodeSpec]) -> GroupDefinition | None:
    """Return a group's definition, or None if it is invalid, too big, or has unknown nodes."""
    if not isinstance(raw, dict):
        return None
    nodes = tuple(read_nodes(raw))
    known = (node.type in catalog or node.type in VIRTUAL for node in nodes)
    if len(nodes) > _BIGGEST_GROUP or not all(known):
        return None
    links, config = raw.get("links"), raw.get("config")
    return GroupDefinition(
        nodes=nodes,
        links=tuple(_links(links)) if isinstance(links, list) else (),
        outside=dict(_outside(raw.get("external"))),
        config=config if isinstance(config, dict) else {},
    )


def _links(links: list[object]) -> Iterator[InnerLink]:
    for ends in links[: 10 * _BIGGEST_GROUP]:
        if not isinstance(ends, list) or len(ends) < 4:
            continue
        origin, slots = ends[0], ends[1:4]
        inside = [*slots, origin] if origin is not None else slots
        if all(type(n) is int and 0 <= n < 10_000 for n in inside):
            output, target, place = slots
            yield InnerLink(origin, output, target, place, ends[5] if len(ends) > 5 else None)


def _outside(shown: object) -> Iterator[tuple[tuple[int, int], str]]:
    for place in shown if isinstance(shown, list) else ():
        if isinstance(place, list) and len(place) > 2 and place[2] is not None:
            node, slot, kind = place[:3]
            if type(node) is int and type(slot) is int:
                yield (node, slot), slot_type(kind)


def _face_of(group: GroupDefinition, catalog: Mapping[str, NodeSpec]) -> Face:
    """Return the face of a group's nodes. A widget with a saved socket counts as turned into an
    input, so it comes after all others."""
    face, seen = Face(), dict[str, int]()
    turned: list[tuple[int, str, InputSpec]] = []
    for index, node in enumerate(group.nodes):
        slots = {slot.name: place for place, slot in reversed([*enumerate(node.inputs)])}
        converted = {slot.name for slot in node.inputs if slot.name and slot.name == slot.widget}
        inputs = _inputs_of(index, group, catalog)
        sockets = [spec for spec in inputs if widget_type(spec) is None]
        for spec in inputs:
            if spec not in sockets and spec.name not in converted:
                label = _label(index, spec.name, seen, group)
                face.add(label, spec)
                face.widgets.append((index, spec.name, label))
        for place, spec in enumerate(sockets):
            if (index, slots.get(spec.name, place)) not in group.fed:
                label = _label(index, spec.name, seen, group)
                if group.setting(index, "input", spec.name).get("visible") is not False:
                    face.add(label, spec)
                    face.sockets.append((index, spec.name))
        late = [spec for spec in inputs if spec not in sockets and spec.name in converted]
        turned += [
            (index, spec.name, spec)
            for spec in sorted(late, key=lambda spec: slots[spec.name])
            if (index, slots[spec.name]) not in group.fed
        ]
        face.outputs += [(index, slot) for slot in _shown_outputs(index, group, catalog)]
    for index, name, spec in turned:
        label = _label(index, name, seen, group)
        face.add(label, spec)
        face.sockets.append((index, name))
        face.widgets.append((index, name, label))
    return face


def _label(index: int, name: str, seen: dict[str, int], group: GroupDefinition) -> str:
    node = group.nodes[index]
    chosen = group.setting(index, "input", name).get("name")
    own = next((slot.label for slot in node.inputs if slot.name == name and slot.label), name)
    label = key = chosen if isinstance(chosen, str) else own
    if label in seen or (node.type == PRIMITIVE and node.title):
        prefix = f"{node.title or node.type} "
        label = key = f"{prefix}{name}"
        if label in seen:
            label = f"{prefix}{seen[label]} {name}"
    seen[key] = seen.get(key, 1) + 1
    return label


def _inputs_of(
    index: int, group: GroupDefinition, catalog: Mapping[str, NodeSpec]
) -> list[InputSpec]:
    node = group.nodes[index]
    if node.type == PRIMITIVE:
        return _primitive_inputs(index, group, catalog)
    if node.type == REROUTE:
        return _reroute_inputs(index, group)
    if node.type not in catalog:
        return []
    specs = catalog[node.type].inputs
    required = [spec for spec in specs if spec.required]
    if any(spec.upload in _UPLOADS for spec in required) and "upload" not in {
        spec.name for spec in specs
    }:
        # The upload button has a position among the saved values.
        required.append(InputSpec("upload", "STRING", required=True, options={"default": "image"}))
    return [*required, *(spec for spec in specs if not spec.required)]


def _primitive_inputs(
    index: int, group: GroupDefinition, catalog: Mapping[str, NodeSpec]
) -> list[InputSpec]:
    """Return an inner primitive's single input. It is a widget with the type of the primitive's
    first link, except for choices in the old format, a bare list."""
    links = group.feeding.get(index, [])
    first = next((link for link in links if link.origin_slot == 0), None)
    if not links:
        return []
    specs = [spec for link in links if (spec := _target(link, group, catalog)) is not None]
    kind = first.type if first and isinstance(first.type, str) else "*"
    source = _target(first, group, catalog) if first else None
    if kind == COMBO and source is not None and not _is_new_combo(source):
        kind = "*"
    options = {**specs[-1].options, "control_after_generate": True} if specs else {}
    choices = specs[-1].choices if specs and kind == COMBO else None
    return [InputSpec("value", kind, required=True, choices=choices, options=options)]


def _target(
    link: InnerLink, group: GroupDefinition, catalog: Mapping[str, NodeSpec]
) -> InputSpec | None:
    """Return the spec of the widget that a primitive feeds, or None."""
    slot = group.input_at(link)
    kind = group.nodes[link.target].type if slot is not None else ""
    return catalog[kind].by_name.get(slot.name) if slot is not None and kind in catalog else None


def _is_new_combo(spec: InputSpec) -> bool:
    """Return whether a combo's spec isn't a bare list of its choices."""
    return not (isinstance(spec.raw, list) and spec.raw and isinstance(spec.raw[0], list))


def _reroute_inputs(index: int, group: GroupDefinition) -> list[InputSpec]:
    """Return a reroute's input, which the editor names after its type. A reroute between two inner
    nodes shows none."""
    leaving = group.feeding.get(index, [])
    arriving = [link for link in group.links if link.target == index]
    inside = [link for link in arriving if link.origin is not None]
    if leaving and inside and (index, 0) not in group.outside:
        return []
    if leaving:
        ends = [group.input_at(link) for link in leaving if link.origin_slot == 0]
        kinds = [slot.type for slot in ends if slot is not None]
    elif inside:
        kinds = [_output_type(link, group) for link in inside if link.target_slot == 0][-1:]
    else:
        kinds = [link.type for link in arriving if isinstance(link.type, str)][:1]
        kinds.append(group.outside.get((index, 0), "*"))
    kind = next((kind for kind in kinds if kind != "*"), "*")
    return [InputSpec(kind, kind, required=True, options={"forceInput": True})]


def _output_type(link: InnerLink, group: GroupDefinition) -> str:
    origin = link.origin or 0
    outputs = group.nodes[origin].outputs if origin < len(group.nodes) else ()
    return outputs[link.origin_slot].type if link.origin_slot < len(outputs) else "*"


def _shown_outputs(
    index: int, group: GroupDefinition, catalog: Mapping[str, NodeSpec]
) -> Iterator[int]:
    spec = catalog.get(group.nodes[index].type)
    if spec is None and not _inputs_of(index, group, catalog):
        return
    for slot in range(len(spec.output_types) if spec else 1):
        visible = group.setting(index, "output", slot).get("visible")
        if visible if isinstance(visible, bool) else not group.hides(index, slot):
            yield slot


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
            group = _read_group(saved[name], catalog)
            groups[name] = (group, _face_of(group, catalog)) if group else None
        read = groups[name]
        if read is not None:
            document = _expand(document, node, *read, catalog)
    return document


def unknown_nodes(
    class_type: str, extra: Mapping[str, Any], catalog: Mapping[str, NodeSpec]
) -> list[GraphNode]:
    """Return the nodes of unknown classes in a group's definition; none for other classes."""
    definition = as_mapping(as_mapping(extra.get("groupNodes")).get(_name(class_type)))
    return [one for one in read_nodes(definition) if one.type not in {*catalog, *VIRTUAL}]


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
