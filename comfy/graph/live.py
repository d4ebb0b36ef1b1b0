"""An open graph: nodes with widgets and sockets as in the running editor.

The editor opens the saved file (adds parts from node definitions, migrates old formats) and
converts the result. These classes hold that state. They only change while a document is opened.
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

# Nodes that exist only in the editor. Except for reroutes, getters and setters, they don't affect
# the prompt.
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
    """A socket. On a subgraph node, `port` is its subgraph input, and `held` the widget promoted
    there."""

    name: str
    type: str
    link: int | None = None
    widget: str | None = None
    label: str = ""
    port: LivePort | None = None
    held: NodeWidget | None = None


@dataclass(slots=True, eq=False)
class LivePort:
    """A subgraph's input, seen from inside. `links` lead from it to the nodes that use it."""

    name: str
    type: str
    label: str
    links: list[int]


@dataclass(slots=True, eq=False)
class LiveNode:
    """A node of the graph during conversion. Rewrites change its links and widgets. `is_outdated`:
    see `Restored`."""

    saved: GraphNode
    title: str
    spec: NodeSpec | None = None
    inputs: list[LiveInput] = field(default_factory=list)
    outputs: list[OutputSlot] = field(default_factory=list)
    widgets: list[NodeWidget] = field(default_factory=list)
    inner: LiveGraph | None = None
    is_outdated: bool = False

    @property
    def id(self) -> str:
        """Return the id in the saved graph."""
        return self.saved.id

    @property
    def alias(self) -> str:
        """Return the node's name in texts. Without an alias, the editor uses the node's class
        type."""
        alias = self.saved.properties.get(ALIAS)
        return alias if isinstance(alias, str) else self.type

    @property
    def type(self) -> str:
        """Return the node's class, or the id of its subgraph."""
        return self.saved.type

    @property
    def muted(self) -> bool:
        """Return whether the node is muted: it doesn't run, and its outputs are empty."""
        return self.saved.mode == MUTED

    @property
    def bypassed(self) -> bool:
        """Return whether the node is bypassed: it doesn't run, and passes its inputs through."""
        return self.saved.mode == BYPASSED

    @property
    def virtual(self) -> bool:
        """Return whether the node exists only in the editor and not in the prompt."""
        return self.inner is not None or (self.spec is None and self.type in VIRTUAL)

    @property
    def missing(self) -> bool:
        """Return whether neither the server nor the editor has this node class."""
        return self.spec is None and not self.virtual

    def widget(self, name: str | None) -> NodeWidget | None:
        """Return the widget with this name, or None."""
        return next((widget for widget in self.widgets if widget.name == name), None)

    def widget_at(self, slot: LiveInput) -> NodeWidget | None:
        """Return a socket's widget, or None if it is only a socket."""
        if self.inner is not None:
            return slot.held
        return self.widget(slot.widget) if slot.widget else None

    def linked(self, link: int) -> LiveInput | None:
        """Return the input at which this link ends, or None."""
        return next((slot for slot in self.inputs if slot.link == link), None)

    def output(self, slot: int) -> OutputSlot | None:
        """Return the output at this index, or None."""
        return self.outputs[slot] if 0 <= slot < len(self.outputs) else None


@dataclass(slots=True, eq=False)
class LiveGraph:
    """The root graph or a subgraph definition. `hosts` are the subgraph's nodes in all graphs."""

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
        """Return a graph with the links, ports and groups of a saved one, but without nodes."""
        ports = [
            LivePort(port.name, port.type, port.label, list(port.links)) for port in graph.inputs
        ]
        return cls(graph.id, graph.name, {}, dict(graph.links), ports, graph.outputs, graph.groups)

    def connect(self, link: GraphLink, slot: LiveInput) -> None:
        """Connect a new link to a socket, replacing its previous link."""
        self.links[link.id] = link
        slot.link = link.id

    def users(self, port: LivePort) -> Iterator[tuple[LiveNode, LiveInput]]:
        """Yield the sockets inside a subgraph that use one of its inputs."""
        for link_id in port.links:
            link = self.links.get(link_id)
            node = self.nodes.get(link.target) if link else None
            slot = node.linked(link_id) if node else None
            if node and slot:
                yield node, slot
