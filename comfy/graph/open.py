"""Opens a saved document like the editor: leaf subgraphs first, every node completed from the
catalog.

See docs/comfyui.md#34.

Inputs of types that only a node pack's script knows.

The server declares such an input like any other, so its declaration doesn't tell whether the script
gives it a widget. The saved node does.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from comfy.base.json_values import as_mapping
from comfy.comfyui.input_spec import (
    AUTOGROW,
    DYNAMIC_GROUP,
    InputSpec,
    RowNotation,
    parse_input,
)
from comfy.comfyui.object_info import NodeSpec
from comfy.graph.live import LiveGraph, LiveInput, LiveNode
from comfy.graph.packs import rule_of
from comfy.graph.saved_values import fits, restored
from comfy.graph.schema import Graph, GraphNode, InputSlot, OutputSlot, SavedGraph, slot_type
from comfy.graph.subgraphs import host_inputs, leaf_first, migrate_proxies
from comfy.graph.widgets import NodeWidget, grown_inputs, layout, personalise, widget_type

# Types for which the script of a popular pack makes a widget: Comfyui-Easy-Use, ComfyUI-RMBG,
# comfy_mtb, ComfyUI-Lora-Manager and AlekPet's nodes. Older files have no socket that would tell.
_TYPES = frozenset(
    {
        "AUTOCOMPLETE_TEXT_LORAS",
        "AUTOCOMPLETE_TEXT_PROMPT",
        "COLORCODE",
        "CYCLER_CONFIG",
        "EASY_COMBO",
        "EASY_MULTI_ANGLE",
        "EASY_PROMPT_AWAIT_BAR",
        "EASY_PROMPT_STYLES",
        "EASY_TABLE_EDITOR",
        "FLOAT_CURVE",
        "LORAS",
        "LORA_POOL_CONFIG",
        "MTB_COLOR",
        "PYCODE",
        "RANDOMIZER_CONFIG",
    }
)
_MATCH_TYPE = "COMFY_MATCHTYPE_V3"


def _with_pack_widgets(spec: NodeSpec, node: GraphNode) -> NodeSpec:
    """Return the class with a `widgetType` on each input that has a widget on this saved node."""
    sockets = {
        one.name: one
        for one in spec.inputs
        if widget_type(one) is None and one.type != AUTOGROW and not one.is_forced
    }
    if not sockets:
        return spec
    names = set(_with_widget(sockets, node))
    found = _as_widgets(spec, names)
    more = {name for name, one in sockets.items() if one.options.get("default") is not None}
    more -= {*names, *(slot.name for slot in node.inputs)}
    values = node.widgets_values
    if more and isinstance(values, tuple):
        wide = _as_widgets(found, more)
        widgets, buttons = layout(wide), values[_stored(wide) :]
        placed = dict(zip((one.name for one in widgets if one.stored), values, strict=False))
        is_saved = more <= placed.keys() and all(
            _is_like(placed[one.name], one.value) for one in widgets if one.name in more
        )
        if is_saved and all(one is None for one in buttons):
            return wide
    return found


def _is_like(value: object, default: object) -> bool:
    """Tell if a value has the shape of a default. Old editors saved a list as an object."""
    if isinstance(default, list):
        return isinstance(value, list | dict) and len(value) == len(default)
    if isinstance(default, int | float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


def _with_widget(sockets: dict[str, InputSpec], node: GraphNode) -> Iterator[str]:
    """Yield the inputs of known types, inputs whose saved socket belongs to a widget, and inputs
    whose value is saved by name."""
    yield from (name for name, one in sockets.items() if one.type in _TYPES)
    yield from (slot.name for slot in node.inputs if slot.widget == slot.name in sockets)
    yield from (name for name in node.named_values if name in sockets)
    if isinstance(node.widgets_values, dict):
        yield from (name for name in node.widgets_values if name in sockets)


def _as_widgets(spec: NodeSpec, names: set[str]) -> NodeSpec:
    if not names:
        return spec
    inputs = (
        replace(one, options={**one.options, "widgetType": one.type}) if one.name in names else one
        for one in spec.inputs
    )
    return replace(spec, inputs=tuple(inputs))


def _hidden_widgets(spec: NodeSpec, node: GraphNode) -> Iterator[NodeWidget]:
    """Yield widgets for hidden inputs that are declared like visible ones, if the file has a value
    of their type (docs/comfyui.md#68). They have no spec, so forms don't show them."""
    declared = as_mapping(as_mapping(spec.raw.get("input")).get("hidden"))
    hidden = [
        one
        for name, raw in declared.items()
        if isinstance(raw, list) and widget_type(one := parse_input(name, raw, required=False))
    ]
    values = node.widgets_values
    listed = values[_stored(spec) :] if hidden and isinstance(values, tuple) else ()
    named = {**(values if isinstance(values, Mapping) else {}), **node.named_values}
    for one, by_position in itertools.zip_longest(hidden, listed[: len(hidden)]):
        own = node.properties.get(one.name[:1].lower() + one.name[1:])
        value = named.get(one.name, by_position) if own is None else own
        value = json.dumps(value) if isinstance(value, dict) else value
        # The text of a button or of a script's own view isn't the JSON that the node expects.
        is_state = _is_json(value) or not _is_json(one.start)
        if value is not None and fits(value, one) and is_state:
            yield NodeWidget(one.name, value, stored=False)


def _is_json(value: object) -> bool:
    return isinstance(value, str) and value.strip()[:1] in ("{", "[")


def _stored(spec: NodeSpec) -> int:
    return sum(widget.stored for widget in layout(spec))


def open_document(document: SavedGraph, catalog: Mapping[str, NodeSpec]) -> LiveGraph:
    """Return the opened root graph, with its subgraphs attached to their nodes. The document itself
    isn't changed."""
    graphs = {key: LiveGraph.empty(graph) for key, graph in document.subgraphs.items()}
    next_link = 1 + max(
        (link for graph in document.graphs for link in graph.links), default=document.last_link_id
    )
    for graph in leaf_first(document.subgraphs):
        next_link = _fill(graphs[graph.id], graph, graphs, catalog, next_link)
    root = LiveGraph.empty(document.root)
    _fill(root, document.root, graphs, catalog, next_link)
    return root


def _fill(
    live: LiveGraph,
    graph: Graph,
    graphs: Mapping[str, LiveGraph],
    catalog: Mapping[str, NodeSpec],
    next_link: int,
) -> int:
    """Open the nodes of one graph, then migrate its subgraph nodes. Return the next free link
    id."""
    for node in graph.nodes.values():
        live.nodes[node.id] = open_node(node, graphs, catalog)
    for host in list(live.nodes.values()):
        if host.inner is not None:
            next_link = migrate_proxies(host, next_link)
    return next_link


def open_node(
    node: GraphNode, graphs: Mapping[str, LiveGraph], catalog: Mapping[str, NodeSpec]
) -> LiveNode:
    """Return a node as it is in the editor after loading: a host if its type is a subgraph,
    otherwise as its class defines it."""
    inner = graphs.get(node.type)
    if inner is not None:
        host = LiveNode(node, node.title or inner.name, outputs=list(node.outputs), inner=inner)
        host.inputs = _linked(host_inputs(node, inner), node)
        inner.hosts.append(host)
        return host
    spec = catalog.get(node.type)
    if spec is None:
        return LiveNode(
            node,
            node.title or node.type,
            inputs=[_as_saved(slot) for slot in node.inputs],
            outputs=list(node.outputs),
            widgets=_named_widgets(node),
        )
    rule = rule_of(node.type)
    spec = _with_pack_widgets(spec, node)
    sockets = {slot.widget or slot.name: slot.widget is not None for slot in node.inputs}
    widgets, is_outdated = restored(spec, rule.values(node), node.named_values, sockets)
    widgets += _hidden_widgets(spec, node)
    widgets += rule.added(node)
    personalise(spec, widgets, node.properties)
    return LiveNode(
        node,
        node.title or spec.display_name,
        spec,
        _inputs(node, spec, widgets),
        _outputs(node, spec),
        widgets,
        is_outdated=is_outdated,
    )


def _named_widgets(node: GraphNode) -> list[NodeWidget]:
    """Return widgets for the values saved by name, the only widgets of an unknown node."""
    values = node.widgets_values
    return (
        [NodeWidget(name, value) for name, value in values.items()]
        if isinstance(values, Mapping)
        else []
    )


def _as_saved(slot: InputSlot) -> LiveInput:
    return LiveInput(slot.name, slot.type, slot.link, slot.widget, slot.label)


def _inputs(node: GraphNode, spec: NodeSpec, widgets: list[NodeWidget]) -> list[LiveInput]:
    """Return sockets in the editor's order: pure sockets, then widgets' sockets, then sockets known
    only from the saved graph.

    A converted widget that no longer exists loses its socket, and so does an input of an option
    that isn't chosen.
    """
    saved = {slot.name: slot for slot in node.inputs}
    names = {widget.name for widget in widgets}
    inputs = {slot.name: slot for slot in _declared(spec, widgets)}
    for slot in inputs.values():
        if slot.name in saved:
            slot.link, slot.label = saved[slot.name].link, saved[slot.name].label
    last = {_group(name): name for name in inputs}
    further: dict[str | None, list[LiveInput]] = {}
    for extra in saved.values():
        converted_away = extra.widget is not None and extra.widget not in names
        if (
            extra.name not in inputs
            and not converted_away
            and not _left_behind(extra.name, widgets, node)
        ):
            group = _group(extra.name)
            further.setdefault(last.get(group) if group else None, []).append(_as_saved(extra))
    grown = [one for slot in inputs.values() for one in (slot, *further.get(slot.name, ()))]
    return _linked(grown + further.get(None, []), node)


def _linked(inputs: list[LiveInput], node: GraphNode) -> list[LiveInput]:
    for slot, link in node.linked.items():
        if slot < len(inputs):
            inputs[slot].link = link
    return inputs


def _group(name: str) -> str:
    """Return the autogrow group or dynamic combo of an input. New members follow the last known
    one."""
    return name.rpartition(".")[0]


def _declared(spec: NodeSpec, widgets: list[NodeWidget]) -> Iterator[LiveInput]:
    for declared in spec.inputs:
        if widget_type(declared) is None:
            yield from _sockets(declared, widgets)
    for declared in spec.inputs:
        if widget_type(declared) is not None:
            yield from _sockets(declared, widgets)


def _sockets(spec: InputSpec, widgets: list[NodeWidget]) -> Iterator[LiveInput]:
    if spec.type == AUTOGROW:
        for name, raw, _ in grown_inputs(spec):
            kind = raw[0] if isinstance(raw, list) and raw else "*"
            yield LiveInput(name, slot_type("*" if kind == _MATCH_TYPE else kind))
        return
    if spec.rows and spec.rows.notation is RowNotation.NUMBERED:
        return  # undeclared: the editor has no socket for it
    if widget_type(spec) is None:
        yield LiveInput(spec.name, _match_type(spec))
        return
    if spec.type == DYNAMIC_GROUP:
        rows = (one for one in widgets if one.sent and one.name.startswith(f"{spec.name}."))
        yield from (LiveInput(one.name, one.spec.type, widget=one.name) for one in rows if one.spec)
        return
    if not spec.options.get("socketless"):
        yield LiveInput(spec.name, spec.type, widget=spec.name)
    if spec.adds_inputs:
        choice = next((widget.value for widget in widgets if widget.name == spec.name), None)
        for branch in spec.branch(choice):
            yield from _sockets(branch, widgets)


def _match_type(spec: InputSpec) -> str:
    template = spec.options.get("template")
    return slot_type(
        template.get("allowed_types")
        if spec.type == _MATCH_TYPE and isinstance(template, dict)
        else spec.type
    )


def _left_behind(name: str, widgets: list[NodeWidget], node: GraphNode) -> bool:
    """Return whether a saved input belongs to a choice of a combo that isn't chosen now."""
    if not node.widgets_values:
        return False
    combos = [w for w in widgets if w.spec and w.spec.adds(name)]
    return not all(
        any(
            name == part.name or name.startswith(f"{part.name}.")
            for part in combo.spec.branch(combo.value)
        )
        for combo in combos
        if combo.spec is not None
    )


def _outputs(node: GraphNode, spec: NodeSpec) -> list[OutputSlot]:
    """Return the declared outputs with the saved links. Additional saved outputs are kept, as in
    the editor."""
    declared = [
        OutputSlot(name, "*" if kind == _MATCH_TYPE else kind, saved.links if saved else ())
        for name, kind, saved in zip(
            spec.output_names,
            spec.output_types,
            [*node.outputs, *[None] * len(spec.output_types)],
            strict=False,
        )
    ]
    return [*declared, *node.outputs[len(declared) :]]
