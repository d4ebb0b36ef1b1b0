"""SwarmInput nodes of SwarmUI's SwarmComfyExtra pack: fields with title, help and limits as inputs.

Our ComfyUI servers lack the pack, so only the input names are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from comfy.form.candidates import Candidate
from comfy.form.conventions.layers import (
    KEEP,
    Layer,
    NodeView,
    Statement,
    first_named,
    hidden,
    number_of,
    text_of,
)
from comfy.form.conventions.placeholders import is_placeholder, meant_value
from comfy.workflow.config import FieldConfig, FieldGroup

_SWARM_WIDGETS: Mapping[str, str] = {
    "seed": "seed",
    "slider": "slider",
    "pot_slider": "slider",
    "prompt": "textarea",
    "big": "textarea",
}


def swarmui(nodes: Sequence[NodeView]) -> Layer:
    """Read SwarmInput nodes: `title`, `value`, `description`, limits, `order_priority` (higher
    values come later)."""
    by_id = {node.id: node for node in nodes}
    fields = [node for node in nodes if node.class_type.startswith("SwarmInput")]
    fields.sort(key=lambda node: number_of(node, "order_priority") or 0)
    statements = [
        one for node in fields for one in _swarm_field(node, by_id.get(node.links.get("group", "")))
    ]
    return Layer(tuple(statements))


def _swarm_field(node: NodeView, group: NodeView | None) -> list[Statement]:
    candidate = first_named(node, ("value", "image"))
    if node.class_type == "SwarmInputGroup" or candidate is None:
        return hidden("swarmui", node)
    view = text_of(node, "view_type")
    settings = FieldConfig(
        "",
        text_of(node, "title") or None,
        text_of(node, "description") or None,
        min=number_of(node, "min"),
        max=number_of(node, "view_max", "max")
        if view in ("slider", "pot_slider")
        else number_of(node, "max"),
        step=_positive(number_of(node, "step")),
        widget=_swarm_widget(view, candidate),
    )
    advanced = any(_ticked(one, "is_advanced") for one in (node, group) if one)
    heading = (text_of(group, "title") or None) if group and advanced else None
    field_group: FieldGroup = "advanced" if advanced else "main"
    value = meant_value(candidate) if is_placeholder(candidate.value) else KEEP
    field = Statement("swarmui", (candidate.ref,), settings, field_group, heading, value)
    return [field, *hidden("swarmui", node, candidate.input)]


def _swarm_widget(view: str, candidate: Candidate) -> str | None:
    widget = _SWARM_WIDGETS.get(view)
    fits: Mapping[str, tuple[str, ...]] = {
        "seed": ("INT",),
        "slider": ("INT", "FLOAT"),
        "textarea": ("STRING",),
    }
    return widget if widget and candidate.type in fits[widget] else None


def _ticked(node: NodeView, name: str) -> bool:
    return name in node.inputs and node.inputs[name].value is True


def _positive(number: int | float | None) -> int | float | None:
    return number if number is not None and number > 0 else None
