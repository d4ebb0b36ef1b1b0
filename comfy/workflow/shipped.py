"""What this project's own workflows and chains say of themselves: in their files in English, on a
page in the language of whoever reads it. What others have written is never translated."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from comfy.messages import Message, message

# By the file's name: title and description, and of a chain the titles of its steps.
SHIPPED: Mapping[str, tuple[Message, ...]] = MappingProxyType(
    {
        "animation.toml": (
            message("Animation"),
            message("Turn a prompt into a short looping animation (WebP and MP4)."),
        ),
        "create-upscale-detail.chain.toml": (
            message("Create, enlarge, refine"),
            message("An image from a description, enlarged and repainted with more detail."),
            message("Image"),
            message("Enlarge"),
            message("Refine"),
        ),
        "describe-image.toml": (
            message("Describe an image"),
            message("What is in your image, in words."),
        ),
        "frames-animation.chain.toml": (
            message("Animated frames"),
            message("Four images of one description, as a short looping animation."),
            message("Four images"),
            message("Animation"),
        ),
        "frames-to-animation.toml": (
            message("Frames to animation"),
            message("Four images as a looping animation (WebP)."),
        ),
        "image-caption-image.chain.toml": (
            message("Describe, then repaint"),
            message("What is in your image, in words, and a new image from these words."),
            message("Describe"),
            message("Repaint"),
        ),
        "image-to-image.toml": (
            message("Image to image"),
            message("Repaint your image from a prompt."),
        ),
        "inpaint.toml": (
            message("Inpaint"),
            message("Brush over part of your image and describe what should replace it."),
        ),
        "text-to-image.toml": (
            message("Text to image"),
            message("Create an image from a description."),
        ),
        "upscale.toml": (
            message("Upscale"),
            message("Enlarge your image and add detail."),
        ),
    }
)


def with_messages(file: str, data: dict[str, Any]) -> dict[str, Any]:
    """What is in a toml called `file`, with messages for its words where all of them are ours."""
    told = data.get("steps")
    steps = told if isinstance(told, list) else []
    words = [one.get("title") if isinstance(one, dict) else None for one in steps]
    ours = SHIPPED.get(file)
    if ours is None or (data.get("title"), data.get("description"), *words) != ours:
        return data
    title, description, *titles = ours
    said = data | {"title": title, "description": description}
    if steps:
        said["steps"] = [one | {"title": own} for one, own in zip(steps, titles, strict=True)]
    return said
