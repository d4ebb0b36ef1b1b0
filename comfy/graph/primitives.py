"""PrimitiveNode: an editor-only node that holds a value and copies it to every linked widget.

See docs/comfyui.md#39.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from comfy.graph.live import PRIMITIVE, LiveGraph, LiveInput, LiveNode
from comfy.graph.widgets import NodeWidget, assign
from comfy.prompt.text_replacements import replace_names

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


def apply_primitives(graph: LiveGraph, named: Mapping[str, LiveNode]) -> None:
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
