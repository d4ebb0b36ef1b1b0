"""An open graph: nodes with widgets and sockets as in the running editor.

The editor opens the saved file (adds parts from node definitions, migrates old formats) and
converts the result. These classes hold that state. They change while a document is opened and never
after.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from comfy.comfyui.object_info import NodeSpec
from comfy.graph.schema import BYPASSED, MUTED, Frame, Graph, GraphLink, GraphNode, OutputSlot, Port
from comfy.graph.widgets import NodeWidget
from comfy.prompt.text_replacements import ALIAS

_REROUTES = frozenset({"Reroute", "Reroute (rgthree)"})
PRIMITIVE = "PrimitiveNode"
SETTERS = frozenset({"SetNode", "easy setNode"})
GETTERS = frozenset({"GetNode", "easy getNode"})

# Nodes that live in the editor only. Those that are not reroutes, getters or setters have no part
# in the prompt.
VIRTUAL = (
    _REROUTES
    | SETTERS
    | GETTERS
    | frozenset(
        {
            PRIMITIVE,
            "Note",
            "MarkdownNote",
            "Note Plus (mtb)",
            "Label (rgthree)",
            "Bookmark (rgthree)",
            "Fast Muter (rgthree)",
            "Fast Bypasser (rgthree)",
            "Fast Groups Muter (rgthree)",
            "Fast Groups Bypasser (rgthree)",
            "Fast Actions Button (rgthree)",
            "Mute / Bypass Relay (rgthree)",
            "Mute / Bypass Repeater (rgthree)",
            "Random Unmuter (rgthree)",
            "Node Collector (rgthree)",
            "Node Combiner (rgthree)",
            "Anything Everywhere",
            "Anything Everywhere?",
            "Anything Everywhere3",
            "Prompts Everywhere",
        }
    )
)


@dataclass(slots=True, eq=False)
class LiveInput:
    """A socket. On a subgraph node `port` is the subgraph input it stands for and `held` the widget
    promoted there."""

    name: str
    type: str
    link: int | None = None
    widget: str | None = None
    label: str = ""
    port: LivePort | None = None
    held: NodeWidget | None = None


@dataclass(slots=True, eq=False)
class LivePort:
    """An input of a subgraph, seen from inside: `links` lead from it to the nodes that use it."""

    name: str
    type: str
    label: str
    links: list[int]


@dataclass(slots=True, eq=False)
class LiveNode:
    """A node of the graph while it is converted; rewrites change its links and widgets."""

    saved: GraphNode
    title: str
    spec: NodeSpec | None = None
    inputs: list[LiveInput] = field(default_factory=list)
    outputs: list[OutputSlot] = field(default_factory=list)
    widgets: list[NodeWidget] = field(default_factory=list)
    inner: LiveGraph | None = None

    @property
    def id(self) -> str:
        """Return the id in the saved graph."""
        return self.saved.id

    @property
    def alias(self) -> str:
        """Return the node's name in texts: the editor names a node by its class type, unless it has
        a name."""
        alias = self.saved.properties.get(ALIAS)
        return alias if isinstance(alias, str) else self.type

    @property
    def type(self) -> str:
        """Its class, or the id of the subgraph that it stands for."""
        return self.saved.type

    @property
    def muted(self) -> bool:
        """It does not run, and gives nothing to others."""
        return self.saved.mode == MUTED

    @property
    def bypassed(self) -> bool:
        """It does not run, and hands on what it gets."""
        return self.saved.mode == BYPASSED

    @property
    def virtual(self) -> bool:
        """Only the editor knows it: no node of the prompt comes of it."""
        return self.inner is not None or (self.spec is None and self.type in VIRTUAL)

    @property
    def missing(self) -> bool:
        """The server has no such node and neither has the editor."""
        return self.spec is None and not self.virtual

    def widget(self, name: str | None) -> NodeWidget | None:
        """The widget of this name, or None."""
        return next((widget for widget in self.widgets if widget.name == name), None)

    def widget_at(self, slot: LiveInput) -> NodeWidget | None:
        """The widget a socket stands for, or None if it is only a socket."""
        if self.inner is not None:
            return slot.held
        return self.widget(slot.widget) if slot.widget else None

    def linked(self, link: int) -> LiveInput | None:
        """The input that this link ends in, or None."""
        return next((slot for slot in self.inputs if slot.link == link), None)

    def output(self, slot: int) -> OutputSlot | None:
        """The output at this place, or None where it has none."""
        return self.outputs[slot] if 0 <= slot < len(self.outputs) else None


@dataclass(slots=True, eq=False)
class LiveGraph:
    """The root graph or a subgraph definition. `hosts` are the nodes, anywhere, that stand for this
    subgraph."""

    id: str
    name: str
    nodes: dict[str, LiveNode]
    links: dict[int, GraphLink]
    inputs: list[LivePort]
    outputs: tuple[Port, ...]
    groups: tuple[Frame, ...] = ()
    hosts: list[LiveNode] = field(default_factory=list)

    @classmethod
    def empty(cls, graph: Graph) -> LiveGraph:
        """A graph with the links, ports and groups of a saved one, and no nodes yet."""
        ports = [
            LivePort(port.name, port.type, port.label, list(port.links)) for port in graph.inputs
        ]
        return cls(graph.id, graph.name, {}, dict(graph.links), ports, graph.outputs, graph.groups)

    def connect(self, link: GraphLink, slot: LiveInput) -> None:
        """Lead a new link to a socket, which forgets the link it had."""
        self.links[link.id] = link
        slot.link = link.id

    def users(self, port: LivePort) -> Iterator[tuple[LiveNode, LiveInput]]:
        """The sockets inside a subgraph that one of its inputs leads to."""
        for link_id in port.links:
            link = self.links.get(link_id)
            node = self.nodes.get(link.target) if link else None
            slot = node.linked(link_id) if node else None
            if node and slot:
                yield node, slot
