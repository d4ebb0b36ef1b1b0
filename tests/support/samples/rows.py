"""Node classes with repeatable rows, in each notation of prompts."""

from __future__ import annotations

from typing import Any

from comfy.comfyui.object_info import Catalog
from comfy.prompt.model import Prompt
from tests.support.samples.extra_nodes import node_entry
from tests.support.samples.forms import node, text_to_image

LORAS = ["detail.safetensors", "style/ink.safetensors"]
_CELLS = {
    "required": {
        "lora_name": [LORAS, {}],
        "strength": ["FLOAT", {"default": 1.0, "min": -2.0, "max": 2.0, "step": 0.05}],
    },
    "optional": {"note": ["STRING", {"dynamicPrompts": True}]},
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

# On the stand-in: a model with two LoRAs, the second switched off.
DEMO_LORAS = ["demo-evening-light.safetensors", "demo-ink-lines.safetensors"]
_LIGHT, _INK = DEMO_LORAS
LORA_IMAGE: Prompt = text_to_image(
    n3=node(
        "KSampler",
        seed=7,
        steps=1,
        cfg=8.0,
        sampler_name="euler",
        scheduler="normal",
        denoise=1.0,
        model=["20", 0],
        positive=["6", 0],
        negative=["7", 0],
        latent_image=["5", 0],
    ),
    n4=node("CheckpointLoaderSimple", ckpt_name="demo-landscapes.safetensors"),
    n5=node("EmptyLatentImage", width=256, height=256, batch_size=1),
    n20=node(
        "LoraRows",
        model=["4", 0],
        clip=["4", 1],
        **{
            **{"loras.0.on": True, "loras.0.lora_name": _INK, "loras.0.strength": 0.8},
            **{"loras.1.on": False, "loras.1.lora_name": _LIGHT, "loras.1.strength": 0.5},
        },
    ),
)
