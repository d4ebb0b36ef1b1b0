"""PrimitiveNode: an editor-only node that holds one value and copies it into every widget it is
linked to.

See docs/comfyui.md#39.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from comfy.graph.live import PRIMITIVE, LiveGraph, LiveInput, LiveNode
from comfy.graph.widgets import NodeWidget, assign
from comfy.prompt.text_replacements import replace_names

# A primitive may name a widget that another one filled: without a bound, thirty of them double a
# text to gigabytes.
_MAX_VALUE = 10_000  # characters of a value that a name stands for
_MAX_ADDED = 1_000_000  # characters by which all the names of a graph make it longer


def primitives(graph: LiveGraph) -> Iterator[LiveNode]:
    """Return a graph's primitive nodes, without those inside its subgraphs."""
    return (node for node in graph.nodes.values() if node.type == PRIMITIVE and node.virtual)


def fed(graph: LiveGraph, primitive: LiveNode) -> Iterator[tuple[LiveNode, LiveInput, NodeWidget]]:
    """The widgets a primitive sets: of each node it is linked to, the one its link ends at."""
    output = primitive.output(0)
    for link_id in output.links if output else ():
        link = graph.links.get(link_id)
        node = graph.nodes.get(link.target) if link else None
        slot = node.linked(link_id) if node else None
        widget = node.widget_at(slot) if node and slot else None
        if node and slot and widget:
            yield node, slot, widget


def value_of(graph: LiveGraph, primitive: LiveNode) -> object:
    """Return its saved value, or the value of the first widget it feeds, within the limits that all
    fed widgets share."""
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


def apply_primitives(graph: LiveGraph, named: Mapping[str, LiveNode]) -> None:
    """Copy every primitive's value into what it feeds; names in values are replaced as long as that
    adds little.

    `named`: the nodes of all graphs, by the names that texts give them.
    """

    def lookup(name: str, widget: str) -> object:
        node = named.get(name)
        found = node.widget(widget) if node else None
        return found and ("" if found.value is None else found.value)

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
