"""Node classes beyond those on the small server: adapters, image editors, models with options, and
groups that grow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.model import Form
from comfy.prompt.model import Prompt
from comfy.workflow.config import FormConfig
from tests.support.samples.forms import DATA, node, workflow_of


def node_entry(
    required: Mapping[str, Any],
    outputs: list[str],
    optional: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return the description of a node class, as a server gives it."""
    sections = {"required": dict(required), "optional": dict(optional or {})}
    return {
        "input": sections,
        "output": outputs,
        "output_name": outputs,
        "output_node": False,
    } | more


def grows(member: list[Any], least: int, **template: Any) -> list[Any]:
    """Return the definition of an autogrow input."""
    return [
        "COMFY_AUTOGROW_V3",
        {"template": {"input": {"required": {"one": member}}, "min": least, **template}},
    ]


def chooses(**options: Mapping[str, Any]) -> list[Any]:
    """Return the definition of a dynamic combo with the inputs of each option."""
    listed = [
        {"key": key.replace("_", " "), "inputs": {"required": inputs}}
        for key, inputs in options.items()
    ]
    return ["COMFY_DYNAMICCOMBO_V3", {"options": listed}]


TEXT = ["STRING", {"multiline": True, "dynamicPrompts": True}]
SIZES = ["COMBO", {"options": ["1K", "2K"], "default": "1K"}]
IMAGES = grows(["IMAGE", {}], 0, names=["image_1", "image_2", "image_3"])

EXTRA = {
    "StyleAdapter": node_entry(
        {"model": ["MODEL"], "image": ["IMAGE"], "weight": ["FLOAT", {}]}, ["MODEL"]
    ),
    "EditText": node_entry(
        {"clip": ["CLIP"], "prompt": TEXT},
        ["CONDITIONING"],
        {f"image{n}": ["IMAGE"] for n in (1, 2)},
    ),
    "ImageSize": node_entry({"image": ["IMAGE"]}, ["INT", "INT"]),
    "Caption": node_entry({"image": ["IMAGE"]}, ["STRING"]),
    "Blend": node_entry(
        {"image1": ["IMAGE"], "image2": ["IMAGE"], "factor": ["FLOAT", {}]}, ["IMAGE"]
    ),
    "Formula": node_entry(
        {"formula": ["STRING", {}], "values": grows(["INT,FLOAT", {}], 1, names=list("abc"))},
        ["INT"],
    ),
    "Painter": node_entry(
        {
            "model": chooses(
                Small={
                    "prompt": TEXT,
                    "steps": ["INT", {"default": 4, "min": 1, "max": 8}],
                    "images": IMAGES,
                },
                Large={
                    "prompt": TEXT,
                    "steps": ["INT", {"default": 9, "min": 5, "max": 50}],
                    "size": SIZES,
                },
                Animated={
                    "prompt": TEXT,
                    "mode": chooses(plain={}, fast={"rate": ["FLOAT", {"default": 24.0}]}),
                },
                From_photo={"photo": ["IMAGE"], "keep": ["BOOLEAN", {"default": True}]},
                With_voice={"voice": ["VOICE"]},
            ),
            "seed": ["INT", {"default": 0, "min": 0, "max": 99, "control_after_generate": True}],
        },
        ["IMAGE"],
    ),
}


def wide_catalog() -> Catalog:
    """Return the small server's catalog with these classes added."""
    return Catalog(json.loads((DATA / "object_info.json").read_text()) | EXTRA)


def wide_form(
    prompt: Prompt, values: Mapping[str, object] | None = None, config: FormConfig | None = None
) -> Form:
    """Build the form of a prompt on that server."""
    return build_form(workflow_of(prompt, config), wide_catalog(), values)


# A prompt with options of a dynamic combo, and an image in one of them.
PAINTED: Prompt = {
    "1": node("LoadImage", image="example.png"),
    "8": node(
        "Painter",
        model="Small",
        seed=7,
        **{"model.prompt": "a fox", "model.steps": 6, "model.images.image_1": ["1", 0]},
    ),
    "9": node("SaveImage", filename_prefix="x", images=["8", 0]),
}

# On the stand-in: images to which more can be added, as a video whose codec has options of its own.
CLIP: Prompt = {
    "1": node("LoadImage", image="example.png"),
    "2": node("BatchImagesNode", **{"images.image0": ["1", 0]}),
    "3": node("CreateVideo", images=["2", 0], fps=2.0),
    "4": node(
        "SaveVideo",
        video=["3", 0],
        filename_prefix="video/x",
        **{"format": "auto", "format.codec": "auto"},
    ),
}
ENCODING = "4.format.codec.encoding"
ENCODED = {"4.format.codec": "h264", ENCODING: "re-encode"}  # which has fields of its own
