"""The ComfyUIDeployExternal nodes of comfyui-deploy's `comfy-nodes`, based on their input names."""

from __future__ import annotations

from collections.abc import Sequence

from comfy.base.wording import plain_words
from comfy.form.conventions.layers import (
    Layer,
    NodeView,
    Statement,
    first_named,
    hidden,
    number_of,
    text_of,
)
from comfy.workflow.config import FieldConfig

_DEPLOY_VALUES = (
    "default_value",
    "default_value_url",
    "default_strings",
    "lora_url",
    "image_url",
    "value",
)


def comfyui_deploy(nodes: Sequence[NodeView]) -> Layer:
    """Read ComfyUIDeployExternal nodes: `input_id`, `display_name`, `description`, `default_value`,
    limits."""
    statements = []
    for node in nodes:
        if not node.class_type.startswith("ComfyUIDeployExternal"):
            continue
        candidate = first_named(node, _DEPLOY_VALUES)
        if candidate is not None:
            label = text_of(node, "display_name") or plain_words(text_of(node, "input_id"))
            low, high = number_of(node, "min_value"), number_of(node, "max_value")
            slider = "Slider" in node.class_type and candidate.type in ("INT", "FLOAT")
            widget: str | None = (
                "seed" if node.class_type.endswith("Seed") and candidate.type == "INT" else None
            )
            settings = FieldConfig(
                "",
                label,
                text_of(node, "description") or None,
                min=low,
                max=high,
                widget="slider" if slider else widget,
            )
            statements.append(Statement("comfyui_deploy", (candidate.ref,), settings))
        statements += hidden("comfyui_deploy", node, candidate.input if candidate else "")
    return Layer(tuple(statements), "advanced" if statements else "auto")
