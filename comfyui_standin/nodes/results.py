"""Nodes that only show, save or send results: a comparison of two images, a text file, and
images over the WebSocket."""

from __future__ import annotations

import secrets

from comfyui_standin.nodes.base import (
    Inputs,
    NodeResult,
    NodeRun,
    node,
)
from comfyui_standin.nodes.image import show


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


def _send(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Send the images to the client as full-size previews. They are never cached."""
    for at, image in enumerate(inputs["images"]):
        run.step(at, len(inputs["images"]), image.copy, is_result=True)
    return NodeResult(())


NODES = [
    node("ImageCompare", _compare),
    node("SaveText", _save_text),
    node("SaveImageWebsocket", _send, lambda *_: secrets.token_hex()),
]
