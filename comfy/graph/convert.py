"""Editor graph → prompt: what ComfyUI's own editor would send for a saved graph, without the
editor.

    converted = convert(read_json(path.read_text()), catalog)
    client.submit(converted.prompt, …)

The steps follow the editor's order: `schema` reads the file, `open` rebuilds the running graph
(with `widgets` for saved values and `subgraphs` for promoted ones), `links` follows links. The
caller handles values that the editor changes in every run (random seeds, wildcards, names in file
prefixes: docs/comfyui.md#24).

PrimitiveNode: an editor-only node that holds a value and copies it to every linked widget.

See docs/comfyui.md#39.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from comfy.comfyui.input_spec import InputSpec
from comfy.comfyui.object_info import NodeSpec
from comfy.graph.group_nodes import expand_groups, unknown_nodes
from comfy.graph.links import FromHost, FromOutput, LinkSource, Placed, resolve_source, unfold
from comfy.graph.live import PRIMITIVE, LiveGraph, LiveInput, LiveNode
from comfy.graph.open import open_document
from comfy.graph.schema import GraphNode, pack_names, read_document
from comfy.graph.subgraphs import promoted_from, unique_ids
from comfy.graph.use_everywhere import broadcast
from comfy.graph.widgets import NodeWidget, assign, complete
from comfy.prompt.model import DrawnNode, InputRef, MissingNode, Prompt
from comfy.prompt.text_replacements import (
    FILE_PREFIX,
    SAVERS,
    NamedNode,
    PrefixNames,
    by_name,
    replace_names,
)

# A primitive may reference a widget that another primitive filled. Without a limit, thirty of them
# could double a text to gigabytes.
_MAX_VALUE = 10_000  # characters of a value that replaces a name
_MAX_ADDED = 1_000_000  # characters that all replaced names of a graph may add


def primitives(graph: LiveGraph) -> Iterator[LiveNode]:
    """Return a graph's primitive nodes, without those inside its subgraphs."""
    return (node for node in graph.nodes.values() if node.type == PRIMITIVE and node.virtual)


def fed(graph: LiveGraph, primitive: LiveNode) -> Iterator[tuple[LiveNode, LiveInput, NodeWidget]]:
    """Yield the widgets that a primitive sets: on each linked node, the widget at the link's
    end."""
    output = primitive.output(0)
    for link_id in output.links if output else ():
        link = graph.links.get(link_id)
        node = graph.nodes.get(link.target) if link else None
        slot = node.linked(link_id) if node else None
        widget = node.widget_at(slot) if node and slot else None
        if node and slot and widget:
            yield node, slot, widget


def value_of(graph: LiveGraph, primitive: LiveNode) -> object:
    """Return the primitive's saved value, otherwise the value of the first widget it feeds, within
    the limits that all fed widgets share."""
    saved = primitive.saved.widgets_values
    widgets = [widget for _, _, widget in fed(graph, primitive)]
    value = (
        saved[0] if isinstance(saved, tuple) and saved else widgets[0].value if widgets else None
    )
    if (
        value is None
        or isinstance(value, bool)
        or not isinstance(value, int | float)
        or len(widgets) < 2
    ):
        return value
    options = [widget.spec.options for widget in widgets if widget.spec]
    least = [n for option in options if isinstance(n := option.get("min"), int | float)]
    most = [n for option in options if isinstance(n := option.get("max"), int | float)]
    value = max([value, *least]) if least else value
    return min([value, *most]) if most else value


def _apply_primitives(graph: LiveGraph, named: Mapping[str, LiveNode]) -> None:
    """Copy every primitive's value to the widgets it feeds. Names in values are replaced until the
    texts have grown by `_MAX_ADDED`.

    `named`: the nodes of all graphs, by their names in texts.
    """

    def lookup(name: str, widget: str) -> object:
        node = named.get(name)
        named_widget = node.widget(widget) if node else None
        return named_widget and ("" if named_widget.value is None else named_widget.value)

    left = _MAX_ADDED
    for primitive in primitives(graph):
        value = value_of(graph, primitive)
        if (
            isinstance(value, str)
            and left > 0
            and primitive.saved.properties.get("Run widget replace on values")
        ):
            replaced = replace_names(value, lookup, longest=_MAX_VALUE)
            left -= len(replaced) - len(value)
            value = replaced
        for node, _, widget in fed(graph, primitive):
            assign(node.widgets if node.inner is None else [widget], widget, value)


@dataclass(frozen=True, slots=True)
class BoundWidget:
    """A widget as users see it, and the prompt inputs that it sets.

    `node` is the node that shows it: an ordinary node, a subgraph node (widgets promoted from
    inside) or a PrimitiveNode. `targets` is empty if a link overrides the widget, or if no running
    node uses it. On a subgraph node, `inside` is the promoted node and widget. `spec` includes the
    author's limits for nodes that allow them. `control` is what the editor does with a number after
    each run, such as "fixed", "" if unknown.
    """

    node: str
    name: str
    label: str
    title: str
    value: Any
    spec: InputSpec | None
    targets: tuple[InputRef, ...]
    inside: tuple[str, str] | None = None
    control: str = ""


@dataclass(frozen=True, slots=True)
class Converted:
    """A prompt, the mapping of the graph's widgets to its inputs, and the parts that the server or
    its folders may lack.

    `names`: the names that the prompt's file prefixes may use, for `replace_prefixes`. `drawn`:
    what the graph says about each node of the prompt beyond the prompt itself.
    """

    prompt: Prompt
    names: PrefixNames
    widgets: tuple[BoundWidget, ...]
    missing: tuple[MissingNode, ...]
    extra: Mapping[str, Any]
    drawn: Mapping[str, DrawnNode]

    def widget(self, node: str, name: str) -> BoundWidget | None:
        """Return the widget with this name on this node of the prompt, or None."""
        return next(
            (widget for widget in self.widgets if widget.node == node and widget.name == name), None
        )


def convert(data: object, catalog: Mapping[str, NodeSpec]) -> Converted:
    """Convert a saved graph. Raises WorkflowError if it isn't a graph, or if no editor could expand
    it.

    Nodes of unknown classes stay in the prompt with their known inputs (links, values saved by
    name) and are listed in `missing`. The rest of the graph stays readable.
    """
    resolved = _resolve(data, catalog)
    placed, sources = resolved.placed, resolved.sources
    names = _names(resolved.graphs, placed, sources)
    bound = tuple(_bind(placed, sources))
    prompt = _prompt(placed, sources)
    drawn = {node_id: _drawn(placed[node_id]) for node_id in prompt}
    missing = tuple(_missing(resolved, catalog))
    return Converted(prompt, names, bound, missing, resolved.extra, drawn)


def prompt_of(data: object, catalog: Mapping[str, NodeSpec]) -> Prompt:
    """Return only the prompt of `convert`, in less time. Raises WorkflowError like `convert`."""
    resolved = _resolve(data, catalog)
    return _prompt(resolved.placed, resolved.sources)


class _Resolved(NamedTuple):
    """Running graph: all graphs in use, the nodes under their ids in the prompt, and the sources of
    their inputs."""

    graphs: list[LiveGraph]
    placed: Mapping[str, Placed]
    sources: Mapping[InputRef, LinkSource]
    extra: Mapping[str, Any]


def _resolve(data: object, catalog: Mapping[str, NodeSpec]) -> _Resolved:
    document = expand_groups(unique_ids(read_document(data)), catalog)
    root = open_document(document, catalog)
    graphs = list(_graphs(root))
    for graph in graphs:
        _complete(graph)
    named = by_name(node for graph in graphs for node in graph.nodes.values())
    for graph in graphs:
        broadcast(graph, document)
        _apply_primitives(graph, named)
    unfolded = unfold(root)
    placed = unfolded.placed
    sources = {
        InputRef(here.id, slot.name): source
        for here in placed.values()
        if _runs(here)
        for slot in here.node.inputs
        if (source := resolve_source(here, slot, unfolded)) is not None
    }
    return _Resolved(graphs, placed, sources, document.extra)


def _graphs(root: LiveGraph) -> Iterator[LiveGraph]:
    """Yield the root and every subgraph in use, each once."""
    waiting, seen = [root], {id(root)}
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.nodes.values():
            if node.inner is not None and id(node.inner) not in seen:
                seen.add(id(node.inner))
                waiting.append(node.inner)


def _complete(graph: LiveGraph) -> None:
    for node in graph.nodes.values():
        if node.inner is not None:
            complete(node.type, [slot.held for slot in node.inputs if slot.held])
        else:
            complete(node.type, node.widgets)


def _runs(here: Placed) -> bool:
    return not (here.node.virtual or here.node.muted or here.node.bypassed)


def _prompt(placed: Mapping[str, Placed], sources: Mapping[InputRef, LinkSource]) -> Prompt:
    running = {here.id: here for here in placed.values() if _runs(here)}
    prompt: Prompt = {}
    for here in sorted(running.values(), key=_js_order):
        curves = bool(here.node.saved.named_values)  # saved by an editor since 1.58
        inputs: dict[str, Any] = {
            widget.name: _wrapped(widget, curves=curves)
            for widget in here.node.widgets
            if _sends(widget)
        }
        for slot in here.node.inputs:
            match sources.get(InputRef(here.id, slot.name)):
                case FromHost(_, widget):
                    inputs[slot.name] = _without_list(widget.value)
                case FromOutput(origin, number) if origin.id in running:
                    inputs[slot.name] = [origin.id, number]
                case FromOutput():
                    inputs.pop(slot.name, None)
        prompt[here.id] = {
            "inputs": inputs,
            "class_type": here.node.type,
            "_meta": {"title": here.node.title, **pack_names(here.node.saved.properties)},
        }
    return prompt


def _names(
    graphs: Iterable[LiveGraph],
    placed: Mapping[str, Placed],
    sources: Mapping[InputRef, LinkSource],
) -> PrefixNames:
    """Return the nodes of all graphs under their names in texts. A subgraph's nodes belong to its
    first use."""
    ids: dict[int, str] = {}
    for here in placed.values():
        ids.setdefault(id(here.node), here.id)
    nodes = (
        NamedNode(
            ids.get(id(node), ""),
            node.alias,
            node.title,
            {widget.name: widget.value for widget in node.widgets},
        )
        for graph in graphs
        for node in graph.nodes.values()
    )
    prefixes = (
        InputRef(here.id, FILE_PREFIX) for here in placed.values() if here.node.type in SAVERS
    )
    return PrefixNames(tuple(nodes), frozenset(place for place in prefixes if place not in sources))


def _js_order(here: Placed) -> tuple[int, int]:
    """Return a sort key: JavaScript objects list integer keys first, in numeric order, then the
    others in insertion order."""
    plain = here.id.isdecimal() and len(here.id) < 10
    return (0, int(here.id)) if plain else (1, 0)


def _sends(widget: NodeWidget) -> bool:
    nothing_to_choose = (
        widget.value is None and widget.spec is not None and widget.spec.choices == ()
    )
    return widget.sent and not nothing_to_choose


def _wrapped(widget: NodeWidget, *, curves: bool = False) -> object:
    """Return a value for a prompt. ComfyUI would read a bare list there as a link.

    `curves`: also wrap curves that aren't lists, as editors since 1.58 do. ComfyUI unwraps both.
    """
    value = widget.value
    is_curve = widget.spec is not None and widget.spec.type == "CURVE"
    if is_curve and (isinstance(value, list) or (curves and value is not None)):
        return {"__type__": "CURVE", "__value__": value}
    return _without_list(value)


def _without_list(value: object) -> object:
    return {"__value__": value} if isinstance(value, list) else value


def _bind(
    placed: Mapping[str, Placed], sources: Mapping[InputRef, LinkSource]
) -> Iterator[BoundWidget]:
    targets: dict[tuple[str, str], list[InputRef]] = {}
    for input_ref, source in sources.items():
        if isinstance(source, FromHost):
            targets.setdefault((source.host.id, source.widget.name), []).append(input_ref)
    for here in placed.values():
        if _runs(here):
            for widget in here.node.widgets:
                own = InputRef(here.id, widget.name)
                if widget.sent and own not in sources:
                    targets[own] = [own]
    for here in placed.values():
        controls = _controls(here.node.widgets)
        for name, label, widget, reached in _shown(here):
            places = tuple(
                dict.fromkeys(input_ref for key in reached for input_ref in targets.get(key, ()))
            )
            inside = promoted_from(here.node, name) if here.node.inner else None
            yield BoundWidget(
                here.id,
                name,
                label,
                here.node.title,
                widget.value,
                widget.spec,
                places,
                inside,
                controls.get(id(widget), ""),
            )


def _controls(widgets: list[NodeWidget]) -> dict[int, str]:
    """Return the values of the helper widgets that follow numbers, by the number's identity."""
    return {
        id(number): helper.value
        for number, helper in itertools.pairwise(widgets)
        if helper.name == "control_after_generate" and isinstance(helper.value, str)
    }


def _shown(here: Placed) -> Iterator[tuple[str, str, NodeWidget, list[tuple[str, str]]]]:
    """Yield the name, label and widget of everything that a node shows, and the (node, widget)
    pairs whose prompt inputs it sets."""
    node = here.node
    if node.inner is not None:
        for slot in node.inputs:
            if slot.held is not None and slot.link is None:
                yield (
                    slot.held.name,
                    slot.label or slot.held.name,
                    slot.held,
                    [(here.id, slot.held.name)],
                )
    elif node.type == PRIMITIVE:
        targets = [(here.named(target.id), widget) for target, _, widget in fed(here.graph, node)]
        shown = NodeWidget(
            "value", value_of(here.graph, node), targets[0][1].spec if targets else None
        )
        yield shown.name, node.title, shown, [(target, widget.name) for target, widget in targets]
    else:
        labels = {slot.widget: slot.label for slot in node.inputs if slot.widget}
        for widget in node.widgets:
            if widget.sent:
                yield (
                    widget.name,
                    labels.get(widget.name) or widget.name,
                    widget,
                    [(here.id, widget.name)],
                )


def _missing(resolved: _Resolved, catalog: Mapping[str, NodeSpec]) -> Iterator[MissingNode]:
    """Yield the unknown classes. Of a legacy group, these are the classes inside."""
    ids: dict[str, list[str]] = {}
    saved: dict[str, GraphNode] = {}
    for here in resolved.placed.values():
        if here.node.missing and _runs(here):
            ids.setdefault(here.node.type, []).append(here.id)
            saved.setdefault(here.node.type, here.node.saved)
    for kind, node in saved.items():
        inside = {one.type: one for one in unknown_nodes(kind, resolved.extra, catalog)}
        for one in inside.values() or (node,):
            names = pack_names(one.properties)
            pack = names.get("cnr_id") or names.get("aux_id", "")
            yield MissingNode(one.type, tuple(ids[kind]), pack, kind if inside else "")


def _drawn(here: Placed) -> DrawnNode:
    node = here.node
    if not node.missing:
        return DrawnNode(_group(here), node.saved.color, is_outdated=node.is_outdated)
    values = node.saved.widgets_values
    return DrawnNode(
        _group(here),
        node.saved.color,
        {slot.name: slot.type for slot in node.inputs},
        tuple((slot.label or slot.name, slot.type) for slot in node.outputs),
        tuple(one for one in values if isinstance(one, str)) if isinstance(values, tuple) else (),
    )


def _group(here: Placed) -> str:
    """Return the title of the smallest group around a node, or around the subgraph that it is
    in."""
    holding = [one for one in here.graph.groups if one.title and one.holds(here.node.saved)]
    if holding:
        return min(holding, key=lambda one: one.box[2] * one.box[3]).title
    return _group(here.host) if here.host else ""
