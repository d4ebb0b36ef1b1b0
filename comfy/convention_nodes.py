"""Conventions by node classes: packs whose nodes are the fields of a form, with name, help and limits as inputs.

The servers here lack these packs, so what is known of them are their input names: SwarmUI's SwarmComfyExtra nodes,
comfyui-deploy's `comfy-nodes`, comfy-pack's README.
"""

from __future__ import annotations

from collections.abc import Sequence

from comfy.candidates import Candidate
from comfy.convention_view import NodeView, first_named, hidden, number_of, text_of
from comfy.form_config import FieldConfig
from comfy.form_fields import Group
from comfy.labels import plain_name, telling_part
from comfy.placeholders import is_placeholder, meant_value
from comfy.statements import KEEP, Layer, Statement

SWARM_WIDGETS = {
    "seed": "seed",
    "slider": "slider",
    "pot_slider": "slider",
    "prompt": "textarea",
    "big": "textarea",
}
DEPLOY_VALUES = ("default_value", "default_value_url", "default_strings", "lora_url", "image_url", "value")
PACK_VALUES = ("value", "image", "file", "file_path", "audio", "video", "any", "text", "string")


def swarmui(nodes: Sequence[NodeView]) -> Layer:
    """SwarmInput nodes: `title`, `value`, `description`, limits, `order_priority` (higher is further down)."""
    by_id = {node.id: node for node in nodes}
    fields = [node for node in nodes if node.class_type.startswith("SwarmInput")]
    fields.sort(key=lambda node: number_of(node, "order_priority") or 0)
    statements = [one for node in fields for one in _swarm_field(node, by_id.get(node.links.get("group", "")))]
    return Layer(tuple(statements))


def _swarm_field(node: NodeView, group: NodeView | None) -> list[Statement]:
    candidate = first_named(node, ("value", "image"))
    if node.class_type == "SwarmInputGroup" or candidate is None:
        return hidden("swarmui", node)
    view = text_of(node, "view_type")
    said = FieldConfig(
        "",
        text_of(node, "title") or None,
        text_of(node, "description") or None,
        min=number_of(node, "min"),
        max=number_of(node, "view_max", "max") if view in ("slider", "pot_slider") else number_of(node, "max"),
        step=_positive(number_of(node, "step")),
        widget=_swarm_widget(view, candidate),
    )
    advanced = any(_ticked(one, "is_advanced") for one in (node, group) if one)
    heading = (text_of(group, "title") or None) if group and advanced else None
    place: Group = "advanced" if advanced else "main"
    value = meant_value(candidate) if is_placeholder(candidate.value) else KEEP
    field = Statement("swarmui", ((node.id, candidate.input),), said, place, heading, value)
    return [field, *hidden("swarmui", node, candidate.input)]


def _swarm_widget(view: str, candidate: Candidate) -> str | None:
    widget = SWARM_WIDGETS.get(view)
    fits = {"seed": ("INT",), "slider": ("INT", "FLOAT"), "textarea": ("STRING",)}
    return widget if widget and candidate.type in fits[widget] else None


def comfyui_deploy(nodes: Sequence[NodeView]) -> Layer:
    """ComfyUIDeployExternal nodes: `input_id`, `display_name`, `description`, `default_value`, limits."""
    statements = []
    for node in nodes:
        if not node.class_type.startswith("ComfyUIDeployExternal"):
            continue
        candidate = first_named(node, DEPLOY_VALUES)
        if candidate is not None:
            label = text_of(node, "display_name") or plain_name(text_of(node, "input_id"))
            low, high = number_of(node, "min_value"), number_of(node, "max_value")
            slider = "Slider" in node.class_type and candidate.type in ("INT", "FLOAT")
            widget = "seed" if node.class_type.endswith("Seed") and candidate.type == "INT" else None
            said = FieldConfig(
                "",
                label,
                text_of(node, "description") or None,
                min=low,
                max=high,
                widget="slider" if slider else widget,
            )
            statements.append(Statement("comfyui_deploy", ((node.id, candidate.input),), said))
        statements += hidden("comfyui_deploy", node, candidate.input if candidate else "")
    return Layer(tuple(statements), "advanced" if statements else "auto")


def comfy_pack(nodes: Sequence[NodeView]) -> Layer:
    """CPackInput nodes are the fields, named by their titles; CPackOutput nodes are the outputs that count."""
    statements = []
    outputs = tuple(node.id for node in nodes if node.class_type.startswith("CPackOutput"))
    for node in nodes:
        if not node.class_type.startswith("CPackInput"):
            continue
        candidate = first_named(node, PACK_VALUES)
        if candidate is None:
            continue
        display = candidate.node_spec.display_name if candidate.node_spec else ""
        label = telling_part(node.title, node.class_type, display) or None
        low, high = number_of(node, "min"), number_of(node, "max")
        said = FieldConfig("", plain_name(label) if label else None, min=low, max=high)
        statements += [Statement("comfy_pack", ((node.id, candidate.input),), said)]
        statements += hidden("comfy_pack", node, candidate.input)
    return Layer(tuple(statements), "advanced", outputs) if statements or outputs else Layer()


def _ticked(node: NodeView, name: str) -> bool:
    return name in node.inputs and node.inputs[name].value is True


def _positive(number: int | float | None) -> int | float | None:
    return number if number is not None and number > 0 else None
