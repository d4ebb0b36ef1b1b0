"""Nodes that only show or save results: a comparison of two images, and a text file."""

from __future__ import annotations

from comfyui_standin.nodes.base import (
    Inputs,
    NodeResult,
    NodeRun,
    spec,
    v3_node,
)
from comfyui_standin.nodes.image import show

_FORMATS = ["txt", "csv", "md", "json"]


def _compare(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Write both images to the temp folder."""
    shown = {}
    for side in ("a", "b"):
        images = inputs.get(f"image_{side}")
        shown[f"{side}_images"] = show(run, images, f"comfy.compare.{side}") if images else []
    return NodeResult((), shown)


def _save_text(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Write a text to the output folder and show it."""
    text, ending = str(inputs["text"]), inputs["format"]
    data, prefix = text.encode(), inputs["filename_prefix"]
    saved = run.storage.put("output", prefix, f".{ending}", data, (1, 1))
    return NodeResult((text,), {"text": [text], "files": [saved]})


NODES = [
    v3_node(
        _compare,
        "ImageCompare",
        "Compare Images",
        "image",
        module="nodes_image_compare",
        required={"compare_view": spec("IMAGECOMPARE", socketless=True)},
        optional={"image_a": ["IMAGE", {}], "image_b": ["IMAGE", {}]},
        saves=True,
        output_node=True,
        description="Shows two images with a slider between them.",
        essentials="Image Tools",
        extra={"experimental": True},
    ),
    v3_node(
        _save_text,
        "SaveText",
        "Save Text",
        "text",
        module="nodes_text",
        required={
            "text": spec("STRING", forceInput=True, multiline=False),
            "filename_prefix": spec("STRING", default="ComfyUI", multiline=False),
            "format": spec("COMBO", options=_FORMATS, default="txt", multiselect=False),
        },
        saves=True,
        outputs=["STRING"],
        output_names=["text"],
        output_node=True,
        description="Writes a text file into the output folder.",
        aliases=["save text", "write text", "export text"],
    ),
]
