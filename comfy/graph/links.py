"""Resolution of links to the real source of a value: through subgraphs, reroutes, bypassed and
virtual nodes.

See docs/comfyui.md#36. The editor resolves recursively. Here a single loop handles chains of any
length and detects cycles.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from comfy.base.errors import WorkflowError
from comfy.comfyui.input_spec import compatible
from comfy.graph.live import GETTERS, SETTERS, LiveGraph, LiveInput, LiveNode
from comfy.graph.schema import INPUT_NODE, OUTPUT_NODE, GraphLink
from comfy.graph.widgets import NodeWidget
from comfy.prompt.model import sources_first

# A subgraph that contains ten of another, which contains ten of a third, and so on, makes a small
# file and an endless prompt.
_MOST_NODES = 50_000
_DEEPEST = 100


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A node at one position of the unfolded graph. `id` is its name in the prompt: `70:39` is node
    39 in host 70."""

    id: str
    node: LiveNode
    graph: LiveGraph
    host: Placed | None = None

    def named(self, node_id: str) -> str:
        """Return the id of another node of the same graph, at the same position."""
        return f"{self.host.id}:{node_id}" if self.host else node_id


@dataclass(frozen=True, slots=True)
class FromOutput:
    """The source of an input that another node's output feeds."""

    node: Placed
    slot: int


@dataclass(frozen=True, slots=True)
class FromHost:
    """The source of an input whose value is a widget promoted onto a subgraph node."""

    host: Placed
    widget: NodeWidget


LinkSource = FromOutput | FromHost


@dataclass(frozen=True, slots=True)
class Unfolded:
    """All unfolded nodes by id, in the order in which the editor sends them, and the links resolved
    so far."""

    placed: dict[str, Placed] = field(default_factory=dict)
    setters: dict[str, list[Placed]] = field(default_factory=dict)
    known: dict[tuple[str, int, str], LinkSource | None] = field(default_factory=dict)

    def add(self, here: Placed) -> None:
        """Add a node. If it is a setter, also add its variable. Raises WorkflowError for too many
        nodes."""
        self.placed[here.id] = here
        if here.node.type in SETTERS:
            self.setters.setdefault(variable(here.node), []).append(here)
        if len(self.placed) > _MOST_NODES:
            raise WorkflowError(
                f"This workflow has more than {_MOST_NODES} nodes with its subgraphs expanded."
            )


def unfold(root: LiveGraph) -> Unfolded:
    """Return the graph with every subgraph node replaced by its content.

    Raises WorkflowError for a subgraph that contains itself, or a workflow of implausible size.
    """
    unfolded = Unfolded()
    for node in _execution_order(root):
        here = Placed(node.id, node, root)
        unfolded.add(here)
        if node.inner is not None and not node.muted and not node.bypassed:
            for inside in _inside(here, (node.inner.id,)):
                unfolded.add(inside)
    return unfolded


def _inside(host: Placed, path: tuple[str, ...]) -> Iterator[Placed]:
    graph = host.node.inner
    assert graph is not None
    for node in graph.nodes.values():
        here = Placed(f"{host.id}:{node.id}", node, graph, host)
        yield here
        if node.inner is not None:
            if node.inner.id in path or len(path) > _DEEPEST:
                raise WorkflowError(
                    f"The subgraph “{node.inner.name or node.inner.id}” contains itself, or "
                    "is nested too deeply."
                )
            yield from _inside(here, (*path, node.inner.id))


def _execution_order(graph: LiveGraph) -> list[LiveNode]:
    """Return the nodes in topological order. Nodes in a cycle come last."""
    waiting = {
        node.id: sum(slot.link is not None for slot in node.inputs) for node in graph.nodes.values()
    }
    users: dict[str, list[str]] = {node_id: [] for node_id in graph.nodes}
    seen: set[int] = set()
    for node in graph.nodes.values():
        for link_id in (link_id for output in node.outputs for link_id in output.links):
            link = graph.links.get(link_id)
            if link is not None and link_id not in seen and link.target in waiting:
                seen.add(link_id)
                users[node.id].append(link.target)
    ready, ring = sources_first(users, waiting)
    return [graph.nodes[node_id] for node_id in ready + ring]


def resolve_source(start: Placed, slot: LiveInput, unfolded: Unfolded) -> LinkSource | None:
    """Return the source of an input's value, None if it has no source. It then has its own widget's
    value, if any."""
    here, socket, kind = start, slot, slot.type
    path: list[tuple[str, int, str]] = []
    source: LinkSource | None = None
    while True:
        state = (here.id, id(socket), kind)
        if state in unfolded.known:
            source = unfolded.known[state]
            break
        unfolded.known[state] = None  # the result for a cycle of links
        path.append(state)
        step = _upwards(here, socket, kind, unfolded)
        if not isinstance(step, _Step):
            source = step
            break
        here, socket, kind = step.node, step.socket, step.kind
    unfolded.known.update(dict.fromkeys(path, source))
    return source


@dataclass(frozen=True, slots=True)
class _Step:
    """Next step of the resolution: the input to follow, and the type that is wanted."""

    node: Placed
    socket: LiveInput
    kind: str


def _upwards(
    here: Placed, socket: LiveInput, kind: str, unfolded: Unfolded
) -> _Step | LinkSource | None:
    link = here.graph.links.get(socket.link) if socket.link is not None else None
    if link is None:
        return None
    if link.origin == INPUT_NODE and here.host is not None:
        outer = _input_at(here.host.node, link.origin_slot)
        if outer is None:
            return None
        if outer.link is None:
            return FromHost(here.host, outer.held) if outer.held is not None else None
        # Across the subgraph's border, the editor uses the type of the host's own socket.
        return _Step(here.host, outer, outer.type)
    return _through(unfolded.placed.get(here.named(link.origin)), link.origin_slot, kind, unfolded)


def _through(
    origin: Placed | None, slot: int, kind: str, unfolded: Unfolded
) -> _Step | FromOutput | None:
    """Follow an output upstream. Return the output if its node is real, otherwise the input behind
    it."""
    while origin is not None:
        node = origin.node
        way: LiveInput | None
        if node.muted:
            return None
        if node.bypassed:
            way = bypass(node, slot, kind)
        elif node.inner is not None:
            link = leaving(node.inner, slot)
            if link is None or link.origin != INPUT_NODE:
                origin, slot = (
                    (unfolded.placed.get(f"{origin.id}:{link.origin}"), link.origin_slot)
                    if link
                    else (None, 0)
                )
                continue
            way = _input_at(
                node, link.origin_slot
            )  # the subgraph passes one of its inputs through unchanged
        elif node.virtual and node.type in GETTERS:
            origin, slot = _setter(origin, unfolded), 0
            if origin is None or origin.node.muted:
                return None
            way = _input_at(origin.node, 0)
        elif node.virtual:
            way = _input_at(node, slot)
        else:
            return FromOutput(origin, slot)
        return _Step(origin, way, kind) if way is not None else None
    return None


def _input_at(node: LiveNode, slot: int) -> LiveInput | None:
    return node.inputs[slot] if 0 <= slot < len(node.inputs) else None


def leaving(inner: LiveGraph, slot: int) -> GraphLink | None:
    """Return the link inside a subgraph that ends at this output, or None. Some published files
    name none that exists there; then the list of links tells."""
    if not 0 <= slot < len(inner.outputs):
        return None
    named = (inner.links[one] for one in inner.outputs[slot].links if one in inner.links)
    ends = (
        one for one in inner.links.values() if (one.target, one.target_slot) == (OUTPUT_NODE, slot)
    )
    return next(itertools.chain(named, ends), None)


def _setter(getter: Placed, unfolded: Unfolded) -> Placed | None:
    """Return the SetNode with the same name: first in the same graph, then in the enclosing graphs,
    then anywhere."""
    setters = unfolded.setters.get(variable(getter.node), [])
    inside: Placed | None = getter
    while inside is not None:
        around = inside.host
        same = next((here for here in setters if here.host is around), None)
        if same is not None:
            return same
        inside = around
    return setters[0] if setters else None


def variable(node: LiveNode) -> str:
    """Return the variable name of a SetNode or GetNode."""
    values = node.saved.widgets_values
    first = values[0] if isinstance(values, tuple) and values else None
    return first if isinstance(first, str) else ""


def bypass(node: LiveNode, slot: int, kind: str) -> LiveInput | None:
    """Return the input that a bypassed node passes on to an output wanted as `kind`."""
    inputs, output, opposite = node.inputs, node.output(slot), _input_at(node, slot)
    if kind == "*":
        return opposite or next(iter(inputs), None)
    output_type = output.type if output else "*"

    def fits(socket: LiveInput) -> bool:
        return compatible(socket.type, output_type) and compatible(socket.type, kind)

    if opposite is not None and fits(opposite):
        return opposite
    exact = next((socket for socket in inputs if socket.type == kind), None)
    return exact or next(filter(fits, inputs), None)
