"""PrimitiveNode: an editor-only node that holds one value and copies it into every widget it is linked to.

Facts from ComfyUI_frontend 1.49.6: `PrimitiveNode` in `widgetInputs`, `applyFirstWidgetValueToGraph`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from comfy.graph_live import PRIMITIVE, LiveGraph, LiveInput, LiveNode
from comfy.graph_text import Lookup, substitute
from comfy.graph_widgets import Widget, assign

# A primitive may name a widget that another one filled: without a bound, thirty of them double a text to gigabytes.
MAX_VALUE = 10_000  # characters of a value that a name stands for
MAX_ADDED = 1_000_000  # characters by which all the names of a graph make it longer


def primitives(graph: LiveGraph) -> Iterator[LiveNode]:
    return (node for node in graph.nodes.values() if node.type == PRIMITIVE and node.virtual)


def fed(graph: LiveGraph, primitive: LiveNode) -> Iterator[tuple[LiveNode, LiveInput, Widget]]:
    """The widgets a primitive sets: of each node it is linked to, the one its link ends at."""
    output = primitive.output(0)
    for link_id in output.links if output else ():
        link = graph.links.get(link_id)
        node = graph.nodes.get(link.target) if link else None
        slot = node.linked(link_id) if node else None
        widget = node.widget_at(slot) if node and slot else None
        if node and slot and widget:
            yield node, slot, widget


def value_of(graph: LiveGraph, primitive: LiveNode) -> Any:
    """Its saved value, or that of the first widget it feeds; held within the limits all fed widgets share."""
    saved = primitive.saved.widgets_values
    widgets = [widget for _, _, widget in fed(graph, primitive)]
    value = saved[0] if isinstance(saved, tuple) and saved else widgets[0].value if widgets else None
    if value is None or isinstance(value, bool) or not isinstance(value, int | float) or len(widgets) < 2:
        return value
    options = [widget.spec.options for widget in widgets if widget.spec]
    least = [n for option in options if isinstance(n := option.get("min"), int | float)]
    most = [n for option in options if isinstance(n := option.get("max"), int | float)]
    value = max([value, *least]) if least else value
    return min([value, *most]) if most else value


def apply_primitives(graph: LiveGraph, names: Lookup) -> None:
    """Copy every primitive's value into what it feeds; names in values are replaced as long as that adds little."""
    left = MAX_ADDED
    for primitive in primitives(graph):
        value = value_of(graph, primitive)
        if isinstance(value, str) and left > 0 and primitive.saved.properties.get("Run widget replace on values"):
            replaced = substitute(value, names, MAX_VALUE)
            left -= len(replaced) - len(value)
            value = replaced
        for node, _, widget in fed(graph, primitive):
            assign(node.widgets if node.inner is None else [widget], widget, value)
