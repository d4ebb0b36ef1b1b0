"""Nodes of packs and services that the small catalog lacks, and forms with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.model import Form
from comfy.prompt.model import Prompt
from comfy.workflow.model import ShownInput
from tests.support.samples.forms import parse_workflow, small_catalog

TEXT = ["STRING", {"multiline": True}]


def spec(inputs: Mapping[str, Any], *outputs: str, **more: Any) -> dict[str, Any]:
    """Return a node class as a server describes it."""
    return {
        "input": {"required": dict(inputs), "optional": more.pop("optional", {})},
        "output": list(outputs),
        "output_name": list(outputs),
        **more,
    }


MORE_NODES = {
    "CLIPTextEncodeSDXL": spec({"clip": ["CLIP"], "text_g": TEXT, "text_l": TEXT}, "CONDITIONING"),
    "CLIPTextEncodeFlux": spec({"clip": ["CLIP"], "clip_l": TEXT, "t5xxl": TEXT}, "CONDITIONING"),
    "StringConcatenate": spec(
        {"string_a": TEXT, "string_b": TEXT, "delimiter": ["STRING", {}]}, "STRING"
    ),
    "TextGenerate": spec(
        {"prompt": TEXT, "clip": ["CLIP"], "seed": ["INT", {"max": 2**64 - 1}]}, "STRING"
    ),
    "Switch": spec(
        {
            "switch": ["BOOLEAN", {}],
            "on_true": ["COMFY_MATCHTYPE_V3", {}],
            "on_false": ["COMFY_MATCHTYPE_V3", {}],
        },
        "COMFY_MATCHTYPE_V3",
    ),
    "PrimitiveBoolean": spec({"value": ["BOOLEAN", {}]}, "BOOLEAN"),
    "CustomCombo": spec({"choice": ["COMBO", {"options": []}]}, "STRING", "INT"),
    "DualCFGGuider": spec(
        {
            "model": ["MODEL"],
            "cond1": ["CONDITIONING"],
            "cond2": ["CONDITIONING"],
            "negative": ["CONDITIONING"],
            "cfg_conds": ["FLOAT", {}],
        },
        "GUIDER",
    ),
    "LoraLoaderModelOnly": spec(
        {"model": ["MODEL"], "lora_name": [["a.safetensors"]], "strength_model": ["FLOAT", {}]},
        "MODEL",
    ),
    "ResolutionSelector": spec(
        {
            "aspect_ratio": ["COMBO", {"options": ["1:1", "16:9"]}],
            "megapixels": ["FLOAT", {}],
            "multiple": ["INT", {}],
        },
        "INT",
        "INT",
    ),
    "ImageService": spec(
        {
            "prompt": TEXT,
            "model": ["COMBO", {"options": ["fast", "good"]}],
            "seed": ["INT", {"control_after_generate": True}],
            "aspect_ratio": ["COMBO", {"options": ["auto", "1:1"]}],
            "system_prompt": TEXT,
        },
        "IMAGE",
        "STRING",
        api_node=True,
    ),
    "SongText": spec(
        {"clip": ["CLIP"], "tags": TEXT, "lyrics": TEXT, "seed": ["INT", {}]}, "CONDITIONING"
    ),
    "EmptySong": spec({"seconds": ["FLOAT", {}], "batch_size": ["INT", {}]}, "LATENT"),
    "EmptyVideo": spec(
        {"width": ["INT", {}], "height": ["INT", {}], "length": ["INT", {}]}, "LATENT"
    ),
    "TakeFrames": spec({"image": ["IMAGE"], "length": ["INT", {}]}, "IMAGE"),
    "VideoEmbeds": spec(
        {"width": ["INT", {}], "height": ["INT", {}], "num_frames": ["INT", {}]},
        "VIDEOIMAGE_EMBEDS",
    ),
    "VideoSampler": spec(
        {
            "image_embeds": ["VIDEOIMAGE_EMBEDS"],
            "text_embeds": ["TEXTEMBEDS"],
            "cfg": ["FLOAT", {}],
        },
        "LATENT",
    ),
    "VideoTexts": spec({"positive_prompt": TEXT, "negative_prompt": TEXT}, "TEXTEMBEDS"),
    "ImageResize": spec({"image": ["IMAGE"], "width": ["INT", {}], "height": ["INT", {}]}, "IMAGE"),
    "ImagePadForOutpaint": spec(
        {"image": ["IMAGE"]} | {side: ["INT", {}] for side in ("left", "top", "right", "bottom")},
        "IMAGE",
        "MASK",
    ),
    "LanPaint_KSampler": spec(
        {"model": ["MODEL"], "latent_image": ["LATENT"], "steps": ["INT", {}]}
        | {"LanPaint_NumSteps": ["INT", {}], "LanPaint_Lambda": ["FLOAT", {}]},
        "LATENT",
    ),
    "ScaleBy": spec({"image": ["IMAGE"], "scale_by": ["FLOAT", {}]}, "IMAGE"),
    "IPAdapter": spec(
        {"model": ["MODEL"], "weight": ["FLOAT", {}], "weight_mode": [["none", "linear"]]}, "MODEL"
    ),
    "Parameters": spec(
        {"seed": ["INT", {}], "batch_size": ["INT", {}], "model": ["STRING", {}]}, "INT", "INT"
    )
    | {"output_name": ["SEED", "BATCH_SIZE"]},
    "Mode": spec({"batch_size": ["INT", {}], "image_size_preset": [["512", "768"]]}, "MODEL"),
    "SaveWithText": spec({"images": ["IMAGE"], "extra_info": TEXT}, "STRING", output_node=True),
    "EditService": spec(
        {
            "image": ["IMAGE"],
            "prompt": TEXT,
            "model": ["COMBO", {"options": ["fast", "good"]}],
            "seed": ["INT", {"control_after_generate": True}],
            "mode": [["creative", "precise"], {"tooltip": "Creative invents details."}],
        },
        "IMAGE",
        api_node=True,
    ),
    "RandomRows": spec(
        {
            "kind": [["digits", "letters"]],
            "rows": ["INT", {}],
            "length": ["INT", {}],
            "joined": TEXT,
        },
        "STRING",
    ),
    "DrawLines": spec(
        {
            "width": ["INT", {}],
            "height": ["INT", {}],
            "lines": ["INT", {}],
            "color": [["red", "blue"]],
            "center": ["INT", {}],
        },
        "IMAGE",
    ),
    "JoinImages": spec({"first": ["IMAGE"], "second": ["IMAGE"]}, "IMAGE"),
    "MeasureImage": spec({"image": ["IMAGE"]}, "INT"),
    "DrawText": spec({"text": ["STRING", {"forceInput": True}]}, "IMAGE"),
    "ReverseEditSampler": spec({"model": ["MODEL"], "inject_steps": ["INT", {}]}, "MODEL"),
    "FaceDetailer": spec(
        {"image": ["IMAGE"], "denoise": ["FLOAT", {}], "wildcard": TEXT, "tile_size": ["INT", {}]},
        "IMAGE",
    ),
    "Context": spec(
        {},
        *("RGTHREE_CONTEXT", "MODEL", "CONDITIONING", "CONDITIONING"),
        output_name=["CONTEXT", "MODEL", "POSITIVE", "NEGATIVE"],
        optional={
            "base_ctx": ["RGTHREE_CONTEXT"],
            "model": ["MODEL"],
            "positive": ["CONDITIONING"],
            "negative": ["CONDITIONING"],
        },
    ),
    "ShowText": spec({"text": ["STRING", {"forceInput": True}]}, "STRING", output_node=True),
    "Panel": spec({"image": ["IMAGE"], **{name: ["INT", {}] for name in "abcd"}}, "IMAGE"),
    "PrimitiveInt": spec({"value": ["INT", {}]}, "INT"),
    "Shader": spec({"image": ["IMAGE"], "fragment_shader": TEXT}, "IMAGE"),
}


def more_nodes() -> Catalog:
    """Return the small server's catalog with the nodes that only these tests use."""
    return Catalog({**small_catalog().raw, **MORE_NODES})


def form_with(prompt: Prompt, *promoted: ShownInput) -> Form:
    """Return the form of a prompt with inputs that a subgraph's author promoted."""
    workflow = replace(parse_workflow("sample", prompt), promoted=promoted)
    return build_form(workflow, more_nodes())


def main(form: Form) -> dict[str, str]:
    """Return the label of each main or folded field by its key."""
    shown = (field for field in form.fields if field.group == "main" or field.folded)
    return {field.key: field.label for field in shown}
