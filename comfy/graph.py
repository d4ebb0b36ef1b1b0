"""Editor graph → prompt: what ComfyUI's own editor would send for a saved graph, without the editor.

    converted = convert(json.loads(path.read_text()), catalogue)
    client.submit(converted.prompt, …)

The work is done in the order the editor does it: `graph_schema` reads the file, `graph_open` rebuilds the running graph
(with `graph_widgets` for saved values and `graph_subgraphs` for promoted ones), `graph_links` follows links. What the
editor decides anew on every run (random seeds, wildcards, dates in file names) is left to the caller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy.graph_broadcast import broadcast
from comfy.graph_groups import expand_groups
from comfy.graph_links import FromHost, FromOutput, Placed, Source, resolve, unfold
from comfy.graph_live import PRIMITIVE, LiveGraph
from comfy.graph_open import open_document
from comfy.graph_primitives import apply_primitives, fed, value_of
from comfy.graph_schema import finite, read_document
from comfy.graph_subgraphs import promoted_from, unique_ids
from comfy.graph_text import PREFIX, SAVERS, Lookup, lookup_in, substitute
from comfy.graph_widgets import Widget, settle
from comfy.object_info import InputSpec, NodeSpec

if TYPE_CHECKING:
    from comfy.workflow import Prompt


@dataclass(frozen=True)
class BoundWidget:
    """A widget as its user sees it, and the prompt inputs it sets.

    `node` is the node that shows it: an ordinary node, a subgraph node (widgets promoted from inside) or a
    PrimitiveNode. No `targets`: a link overrides the widget, or nothing that runs uses it. `inside` is, on a subgraph
    node, the node and widget within that was promoted. `spec` has the limits its author set, where a node lets one.
    """

    node: str
    name: str
    label: str
    title: str
    value: Any
    spec: InputSpec | None
    targets: tuple[tuple[str, str], ...]
    inside: tuple[str, str] | None = None


@dataclass(frozen=True)
class ModelFile:
    """A model the graph says it needs: its file name, the folder it belongs in and where it can be had."""

    name: str
    directory: str
    url: str
    node: str


@dataclass(frozen=True)
class MissingNode:
    """A class type the server does not know, the nodes that need it, and the node pack the file names ('' if none)."""

    class_type: str
    nodes: tuple[str, ...]
    pack: str


@dataclass(frozen=True)
class Converted:
    """A prompt, how the widgets of the graph map to its inputs, and what the server or its folders may lack."""

    prompt: Prompt
    widgets: tuple[BoundWidget, ...]
    missing: tuple[MissingNode, ...]
    models: tuple[ModelFile, ...]
    extra: Mapping[str, Any]

    def widget(self, node: str, name: str) -> BoundWidget | None:
        return next((widget for widget in self.widgets if widget.node == node and widget.name == name), None)


def convert(data: object, catalogue: Mapping[str, NodeSpec]) -> Converted:
    """Convert a saved graph. Raises WorkflowError if it is none, or one that no editor could unfold.

    Nodes of unknown classes stay in the prompt with the inputs that can be known (links, values saved by name) and are
    listed in `missing`: the rest of the graph is as readable as ever.
    """
    document = expand_groups(unique_ids(read_document(data)), catalogue)
    root = open_document(document, catalogue)
    graphs = list(_graphs(root))
    for graph in graphs:
        _settle(graph)
    names = lookup_in(node for graph in graphs for node in graph.nodes.values())
    for graph in graphs:
        broadcast(graph, document)
        apply_primitives(graph, names)
    unfolded = unfold(root)
    placed = unfolded.placed
    sources = {
        (here.id, slot.name): source
        for here in placed.values()
        if _runs(here)
        for slot in here.node.inputs
        if (source := resolve(here, slot, unfolded)) is not None
    }
    prompt = _prompt(placed, sources, names)
    bound = tuple(_bind(placed, sources))
    return Converted(prompt, bound, _missing(placed), tuple(_models(placed)), document.extra)


def _graphs(root: LiveGraph) -> Iterator[LiveGraph]:
    """The root and every subgraph in use, each once."""
    waiting, seen = [root], {id(root)}
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.nodes.values():
            if node.inner is not None and id(node.inner) not in seen:
                seen.add(id(node.inner))
                waiting.append(node.inner)


def _settle(graph: LiveGraph) -> None:
    for node in graph.nodes.values():
        if node.inner is not None:
            settle(node.type, [slot.held for slot in node.inputs if slot.held])
        else:
            settle(node.type, node.widgets)


def _runs(here: Placed) -> bool:
    return not (here.node.virtual or here.node.muted or here.node.bypassed)


def _prompt(placed: Mapping[str, Placed], sources: Mapping[tuple[str, str], Source], names: Lookup) -> Prompt:
    running = {here.id: here for here in placed.values() if _runs(here)}
    prompt: Prompt = {}
    for here in sorted(running.values(), key=_js_order):
        inputs: dict[str, Any] = {widget.name: wrapped(widget) for widget in here.node.widgets if _sends(widget)}
        for slot in here.node.inputs:
            match sources.get((here.id, slot.name)):
                case FromHost(_, widget):
                    inputs[slot.name] = wrapped(widget)
                case FromOutput(origin, number) if origin.id in running:
                    inputs[slot.name] = [origin.id, number]
                case FromOutput():
                    inputs.pop(slot.name, None)
        prefix = inputs.get(PREFIX)
        if here.node.type in SAVERS and isinstance(prefix, str) and (here.id, PREFIX) not in sources:
            inputs[PREFIX] = substitute(prefix, names)
        prompt[here.id] = {"inputs": inputs, "class_type": here.node.type, "_meta": {"title": here.node.title}}
    return prompt


def _js_order(here: Placed) -> tuple[int, int]:
    """JavaScript objects keep whole-number keys first, in numeric order, then the others as they came."""
    plain = here.id.isdecimal() and len(here.id) < 10
    return (0, int(here.id)) if plain else (1, 0)


def _sends(widget: Widget) -> bool:
    nothing_to_choose = widget.value is None and widget.spec is not None and widget.spec.choices == ()
    return widget.sent and not nothing_to_choose


def wrapped(widget: Widget) -> Any:
    """A value as it goes into a prompt: a bare list there would be read as a link."""
    value = finite(widget.value)
    if not isinstance(value, list):
        return value
    curve = widget.spec is not None and widget.spec.type == "CURVE"
    return {"__type__": "CURVE", "__value__": value} if curve else {"__value__": value}


def _bind(placed: Mapping[str, Placed], sources: Mapping[tuple[str, str], Source]) -> Iterator[BoundWidget]:
    targets: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for place, source in sources.items():
        if isinstance(source, FromHost):
            targets.setdefault((source.host.id, source.widget.name), []).append(place)
    for here in placed.values():
        if _runs(here):
            for widget in here.node.widgets:
                if widget.sent and (here.id, widget.name) not in sources:
                    targets[here.id, widget.name] = [(here.id, widget.name)]
    for here in placed.values():
        for name, label, widget, reached in _shown(here):
            places = tuple(dict.fromkeys(place for key in reached for place in targets.get(key, ())))
            inside = promoted_from(here.node, name) if here.node.inner else None
            yield BoundWidget(here.id, name, label, here.node.title, widget.value, widget.spec, places, inside)


def _shown(here: Placed) -> Iterator[tuple[str, str, Widget, list[tuple[str, str]]]]:
    """Name, label, widget of all a node shows, and the (node, widget) pairs whose prompt inputs it sets."""
    node = here.node
    if node.inner is not None:
        for slot in node.inputs:
            if slot.held is not None and slot.link is None:
                yield slot.held.name, slot.label or slot.held.name, slot.held, [(here.id, slot.held.name)]
    elif node.type == PRIMITIVE:
        targets = [(here.named(target.id), widget) for target, _, widget in fed(here.graph, node)]
        shown = Widget("value", value_of(here.graph, node), targets[0][1].spec if targets else None)
        yield shown.name, node.title, shown, [(target, widget.name) for target, widget in targets]
    else:
        labels = {slot.widget: slot.label for slot in node.inputs if slot.widget}
        for widget in node.widgets:
            if widget.sent:
                yield widget.name, labels.get(widget.name) or widget.name, widget, [(here.id, widget.name)]


def _missing(placed: Mapping[str, Placed]) -> tuple[MissingNode, ...]:
    found: dict[str, list[Placed]] = {}
    for here in placed.values():
        if here.node.missing and _runs(here):
            found.setdefault(here.node.type, []).append(here)
    return tuple(MissingNode(kind, tuple(here.id for here in nodes), _pack(nodes[0])) for kind, nodes in found.items())


def _pack(here: Placed) -> str:
    pack = here.node.saved.properties.get("cnr_id") or here.node.saved.properties.get("aux_id")
    return pack if isinstance(pack, str) else ""


def _models(placed: Mapping[str, Placed]) -> Iterator[ModelFile]:
    seen: set[tuple[str, str]] = set()
    for here in placed.values():
        listed = here.node.saved.properties.get("models") if _runs(here) else None
        for model in listed if isinstance(listed, list) else ():
            texts = [model.get(key) for key in ("name", "directory", "url")] if isinstance(model, dict) else []
            name, directory, url = (text if isinstance(text, str) else "" for text in texts or ("", "", ""))
            if name and (name, directory) not in seen:
                seen.add((name, directory))
                yield ModelFile(name, directory, url, here.id)
