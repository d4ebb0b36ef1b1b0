"""Faces of legacy group nodes: the definition of a group, and the widgets and sockets that the
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

from comfy.comfyui.input_spec import COMBO, InputSpec
from comfy.comfyui.object_info import NodeSpec
from comfy.graph.live import PRIMITIVE, VIRTUAL
from comfy.graph.schema import GraphNode, InputSlot, read_nodes, slot_type
from comfy.graph.widget_types import widget_type
from comfy.graph.widgets import SEEDS

REROUTE = "Reroute"
_UPLOADS = frozenset({"image", "audio", "video"})
_BIGGEST_GROUP = 200


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


def read_group(raw: object, catalog: Mapping[str, NodeSpec]) -> GroupDefinition | None:
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


def face_of(group: GroupDefinition, catalog: Mapping[str, NodeSpec]) -> Face:
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
