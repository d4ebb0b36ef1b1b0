"""Node classes with repeatable rows, in each notation of prompts."""

from __future__ import annotations

from typing import Any

from comfy.comfyui.object_info import Catalog
from tests.support.samples.extra_nodes import node_entry

LORAS = ["detail.safetensors", "style/ink.safetensors"]
_CELLS = {
    "required": {
        "lora_name": [LORAS, {}],
        "strength": ["FLOAT", {"default": 1.0, "min": -2.0, "max": 2.0, "step": 0.05}],
    },
    "optional": {"note": ["STRING", {}]},
}
_GROUP = {"min": 1, "max": 3, "template": _CELLS, "group_name": "LoRA"}
CLASSES: dict[str, Any] = {
    "LoraLoader": node_entry({"lora_name": [LORAS]}, ["MODEL"]),
    "Load": node_entry({}, ["MODEL"]),
    "Save": node_entry({"model": ["MODEL"]}, [], output_node=True),
    "Stack": node_entry(
        {"model": ["MODEL"], "loras": ["COMFY_DYNAMICGROUP_V3", _GROUP]}, ["MODEL"]
    ),
    "Power Lora Loader (rgthree)": node_entry({}, ["MODEL"], {"model": ["MODEL"]}),
    "Lora Loader (LoraManager)": node_entry(
        {"model": ["MODEL"], "text": ["STRING"], "loras": ["LORAS", {}]}, ["MODEL"]
    ),
}
ROW_CATALOG = Catalog(CLASSES)
