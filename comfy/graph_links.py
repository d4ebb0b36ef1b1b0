"""Following a link to where its value really comes from: through subgraphs, reroutes, bypassed and virtual nodes.

Facts from ComfyUI_frontend 1.49.6: `ExecutableNodeDTO`. The editor resolves by recursion; here it is one loop, so a
chain of any length ends and a ring is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from comfy.errors import WorkflowError
from comfy.graph_live import GETTERS, SETTERS, LiveGraph, LiveInput, LiveNode
from comfy.graph_schema import INPUT_NODE, Link
from comfy.graph_widgets import Widget

# A subgraph that contains ten of another that contains ten of a third … is a small file and an endless prompt.
MOST_NODES = 50_000
DEEPEST = 100


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A node at one place of the unfolded graph. `id` is its name in the prompt: `70:39` is node 39 in host 70."""

    id: str
    node: LiveNode
    graph: LiveGraph
    host: Placed | None = None

    def named(self, node_id: str) -> str:
        """The id of another node of the same graph, at the same place."""
        return f"{self.host.id}:{node_id}" if self.host else node_id


@dataclass(frozen=True, slots=True)
class FromOutput:
    """An input that is fed by another node's output."""

    node: Placed
    slot: int


@dataclass(frozen=True, slots=True)
class FromHost:
    """An input whose value is a widget promoted onto a subgraph node."""

    host: Placed
    widget: Widget


Source = FromOutput | FromHost


def unfold(root: LiveGraph) -> dict[str, Placed]:
    """Every node at every place it occurs, in the order the editor sends them.

    Raises WorkflowError for a subgraph that contains itself.
    """
    placed: dict[str, Placed] = {}
    for node in execution_order(root):
        here = Placed(node.id, node, root)
        placed[here.id] = here
        if node.inner is not None and not node.muted and not node.bypassed:
            for inside in _inside(here, (node.inner.id,)):
                placed[inside.id] = inside
                if len(placed) > MOST_NODES:
                    raise WorkflowError(f"Unfolding the subgraphs of this workflow gives more than {MOST_NODES} nodes.")
    return placed


def _inside(host: Placed, path: tuple[str, ...]) -> Iterator[Placed]:
    graph = host.node.inner
    assert graph is not None
    for node in graph.nodes.values():
        here = Placed(f"{host.id}:{node.id}", node, graph, host)
        yield here
        if node.inner is not None:
            if node.inner.id in path or len(path) > DEEPEST:
                raise WorkflowError(
                    f"The subgraph {node.inner.name or node.inner.id!r} contains itself, or too many others."
                )
            yield from _inside(here, (*path, node.inner.id))


def execution_order(graph: LiveGraph) -> list[LiveNode]:
    """Nodes so that each comes after those that feed it; what hangs in a ring comes last."""
    waiting = {node.id: sum(slot.link is not None for slot in node.inputs) for node in graph.nodes.values()}
    ready = [node_id for node_id, count in waiting.items() if count == 0]
    seen: set[int] = set()
    for node_id in ready:  # grows while it is read
        for output in graph.nodes[node_id].outputs:
            for link_id in output.links:
                link = graph.links.get(link_id)
                if link is None or link_id in seen:
                    continue
                seen.add(link_id)
                if link.target in waiting:
                    waiting[link.target] -= 1
                    if waiting[link.target] == 0:
                        ready.append(link.target)
    done = set(ready)
    return [graph.nodes[node_id] for node_id in [*ready, *(key for key in graph.nodes if key not in done)]]


def resolve(start: Placed, slot: LiveInput, placed: Mapping[str, Placed]) -> Source | None:
    """Where the value of an input comes from, or None if from nowhere (it then has its own widget's value, if any)."""
    here, socket, kind = start, slot, slot.type
    seen: set[tuple[str, int]] = set()
    while True:
        if (here.id, id(socket)) in seen:
            return None
        seen.add((here.id, id(socket)))
        link = here.graph.links.get(socket.link) if socket.link is not None else None
        if link is None:
            return None
        if link.origin == INPUT_NODE and here.host is not None:
            host = here.host
            if link.origin_slot >= len(host.node.inputs):
                return None
            socket = host.node.inputs[link.origin_slot]
            if socket.link is None:
                return FromHost(host, socket.held) if socket.held is not None else None
            # Past the border the editor asks for the type the host's own socket has.
            here, kind = host, socket.type
            continue
        step = _through(placed.get(here.named(link.origin)), link.origin_slot, kind, placed)
        if not isinstance(step, tuple):
            return step
        here, socket = step


def _through(
    origin: Placed | None, slot: int, kind: str, placed: Mapping[str, Placed]
) -> tuple[Placed, LiveInput] | FromOutput | None:
    """One step upwards from an output: the output itself if it is a real one, else the input to follow instead."""
    while origin is not None:
        node = origin.node
        if node.muted:
            return None
        if node.bypassed:
            way = bypass(node, slot, kind)
            return (origin, way) if way is not None else None
        if node.inner is not None:
            link = leaving(node.inner, slot)
            if link is not None and link.origin == INPUT_NODE:  # the subgraph passes one of its inputs on unchanged
                return _input_at(origin, link.origin_slot)
            origin, slot = (placed.get(f"{origin.id}:{link.origin}"), link.origin_slot) if link else (None, 0)
            continue
        if node.type in GETTERS and node.virtual:
            origin = _setter(origin, placed)
            slot = 0
            if origin is None:
                return None
            node = origin.node
        if node.virtual:
            return _input_at(origin, slot)
        return FromOutput(origin, slot)
    return None


def leaving(inner: LiveGraph, slot: int) -> Link | None:
    """The link inside a subgraph that ends in one of its outputs."""
    port = inner.outputs[slot] if 0 <= slot < len(inner.outputs) else None
    return next((inner.links[link] for link in port.links if link in inner.links), None) if port else None


def _input_at(here: Placed, slot: int) -> tuple[Placed, LiveInput] | None:
    return (here, here.node.inputs[slot]) if 0 <= slot < len(here.node.inputs) else None


def _setter(getter: Placed, placed: Mapping[str, Placed]) -> Placed | None:
    """The SetNode of the same name: in the same graph, else in the graphs around it, else anywhere."""
    name = variable(getter.node)
    found = [here for here in placed.values() if here.node.type in SETTERS and name and variable(here.node) == name]
    around = getter.host
    places = [getter.named("")]
    while around is not None:
        places.append(around.named(""))
        around = around.host
    for place in places:
        for here in found:
            if here.named("") == place:
                return here
    return found[0] if found else None


def variable(node: LiveNode) -> str:
    """The name a SetNode or GetNode goes by."""
    values = node.saved.widgets_values
    first = values[0] if isinstance(values, tuple) and values else None
    return first if isinstance(first, str) else ""


def bypass(node: LiveNode, slot: int, kind: str) -> LiveInput | None:
    """The input that a bypassed node passes on to an output wanted as `kind`."""
    inputs, output = node.inputs, node.output(slot)
    if kind in ("*", ""):
        return (inputs[slot] if slot < len(inputs) else inputs[0]) if inputs else None
    made = output.type if output else "*"

    def fits(socket: LiveInput) -> bool:
        return compatible(socket.type, made) and compatible(socket.type, kind)

    if slot < len(inputs) and fits(inputs[slot]):
        return inputs[slot]
    exact = next((socket for socket in inputs if socket.type == kind), None)
    return exact or next(filter(fits, inputs), None)


def compatible(one: str, other: str) -> bool:
    """Whether the editor lets two socket types meet; a type may be a list of alternatives."""
    if one in ("", "*") or other in ("", "*") or one == other:
        return True
    return any(a == b or "*" in (a, b) for a in one.lower().split(",") for b in other.lower().split(","))
