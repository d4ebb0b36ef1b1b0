"""Nodes that write text. There is no language model: they describe images by measurements."""

from __future__ import annotations

import re
from bisect import bisect

from PIL import Image, ImageStat

from comfyui_standin.nodes.base import (
    Inputs,
    Model,
    NodeResult,
    NodeRun,
    node,
)
from comfyui_standin.painter.words import read

# Up to which hue, of 255, each reaches.
_ENDS = (14, 32, 50, 114, 142, 184, 212, 241)
_HUES = ("red", "orange", "yellow", "green", "teal", "blue", "violet", "pink", "red")
_GREY = 40  # of 255: colors with less saturation count as gray
_MOST_COLORS = 3


def _load_text_encoder(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Return a model that reads and writes text."""
    run.wait(run.speed.load)
    return NodeResult((Model(inputs["clip_name"]),))


def _generate_text(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Describe the image by measurements. Without an image, return the given text."""
    images = inputs.get("image")
    run.wait(run.speed.encode)
    words = words_of_image(images[0]) if images else str(inputs["prompt"])
    return NodeResult((words[: 4 * int(inputs["max_length"])],))


def words_of_image(image: Image.Image) -> str:
    """Describe an image's things, by its file's name, and its brightness, shape and colors in words
    that can serve as a prompt."""
    small = image.convert("RGB").resize((32, 32))
    bright = ImageStat.Stat(small.convert("L")).mean[0]
    light = "bright" if bright > 150 else "dark" if bright < 80 else "softly lit"
    width, height = image.size
    shape = "wide" if width > height else "tall" if height > width else "square"
    scene = f"a {light}, {shape} scene in {' and '.join(_colors(small))}"
    named = read(re.sub(r"[\W\d_]+", " ", str(image.info.get("name", ""))), "").things
    return f"{' and '.join(sorted(named))}, {scene}" if named else scene


def _colors(image: Image.Image) -> list[str]:
    """Return the names of the most common colors."""
    counts: dict[str, int] = {}
    pixels = image.convert("HSV").tobytes()
    for hue, saturation in zip(pixels[::3], pixels[1::3], strict=True):
        name = _HUES[bisect(_ENDS, hue)] if saturation >= _GREY else "grey"
        counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: -counts[name])[:_MOST_COLORS]


NODES = [node("CLIPLoader", _load_text_encoder), node("TextGenerate", _generate_text)]
