"""Inputs of types that only a node pack's script knows.

The server declares such an input like any other, so its declaration doesn't tell whether the script
gives it a widget. The saved node does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from comfy.comfyui.input_spec import AUTOGROW, InputSpec
from comfy.comfyui.object_info import NodeSpec
from comfy.graph.schema import GraphNode
from comfy.graph.widget_types import widget_type
from comfy.graph.widgets import layout

# Types for which the script of a popular pack makes a widget: Comfyui-Easy-Use, ComfyUI-RMBG,
# comfy_mtb and ComfyUI-Lora-Manager. Older files have no socket that would tell.
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
        "RANDOMIZER_CONFIG",
    }
)
_SCALARS = (str, bool, int, float)


def with_pack_widgets(spec: NodeSpec, node: GraphNode) -> NodeSpec:
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
    more = {
        name
        for name, one in sockets.items()
        if name not in names and isinstance(one.options.get("default"), _SCALARS)
    }
    values = node.widgets_values
    if more and isinstance(values, tuple) and len(values) == _stored(found) + len(more):
        return _as_widgets(found, more)
    return found


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


def _stored(spec: NodeSpec) -> int:
    return sum(widget.stored for widget in layout(spec))
