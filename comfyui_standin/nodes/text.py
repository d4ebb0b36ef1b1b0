"""Nodes that write text. There is no language model: they describe images by measurements."""

from __future__ import annotations

from bisect import bisect

from PIL import Image, ImageStat

from comfyui_standin.nodes.base import (
    SEED_MAX,
    Inputs,
    Model,
    NodeResult,
    NodeRun,
    node,
    spec,
    v3_node,
)

TEXT_ENCODERS = ["demo-qwen3.5-words.safetensors", "t5-base.safetensors"]

# fmt: off
_KINDS = [
    "stable_diffusion", "stable_cascade", "sd3", "stable_audio", "mochi", "ltxv", "pixart",
    "cosmos", "lumina2", "wan", "hidream", "chroma", "ace", "omnigen2", "qwen_image",
    "hunyuan_image", "flux2", "ovis", "longcat_image", "cogvideox", "lens", "pixeldit", "ideogram4",
    "boogu", "krea2", "joyimage", "mage", "minimax",
]
# fmt: on
# Up to which hue, of 255, each reaches.
_ENDS = (14, 32, 50, 114, 142, 184, 212, 241)
_HUES = ("red", "orange", "yellow", "green", "teal", "blue", "violet", "pink", "red")
_GREY = 40  # of 255: colors with less saturation count as gray
_MOST_COLORS = 3
_SAMPLING = {
    "required": {
        "temperature": spec("FLOAT", default=0.7, min=0.01, max=2.0, step=0.000001),
        "top_k": spec("INT", default=64, min=0, max=1000),
        "top_p": spec("FLOAT", default=0.95, min=0.0, max=1.0, step=0.01),
        "min_p": spec("FLOAT", default=0.05, min=0.0, max=1.0, step=0.01),
        "repetition_penalty": spec("FLOAT", default=1.05, min=0.0, max=5.0, step=0.01),
        "seed": spec("INT", default=0, min=0, max=SEED_MAX),
    },
    "optional": {"presence_penalty": spec("FLOAT", default=0.0, min=0.0, max=5.0, step=0.01)},
}


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
    """Describe an image's brightness, shape and colors in words that can serve as a prompt."""
    small = image.convert("RGB").resize((32, 32))
    bright = ImageStat.Stat(small.convert("L")).mean[0]
    light = "bright" if bright > 150 else "dark" if bright < 80 else "softly lit"
    width, height = image.size
    shape = "wide" if width > height else "tall" if height > width else "square"
    return f"a {light}, {shape} scene in {' and '.join(_colors(small))}"


def _colors(image: Image.Image) -> list[str]:
    """Return the names of the most common colors."""
    counts: dict[str, int] = {}
    pixels = image.convert("HSV").tobytes()
    for hue, saturation in zip(pixels[::3], pixels[1::3], strict=True):
        name = _HUES[bisect(_ENDS, hue)] if saturation >= _GREY else "grey"
        counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: -counts[name])[:_MOST_COLORS]


NODES = [
    node(
        _load_text_encoder,
        "CLIPLoader",
        "Load CLIP",
        "model/loaders",
        required={"clip_name": spec(TEXT_ENCODERS), "type": spec(_KINDS)},
        optional={"device": spec(["default", "cpu"], advanced=True)},
        outputs=["CLIP"],
        description="Loads a text encoder; some can also generate text.",
    ),
    v3_node(
        _generate_text,
        "TextGenerate",
        "Generate Text",
        "text",
        module="nodes_textgen",
        required={
            "clip": spec("CLIP"),
            "prompt": spec("STRING", default="", multiline=True, dynamicPrompts=True),
            "max_length": spec("INT", default=512, min=1, max=32768),
            "sampling_mode": spec(
                "COMFY_DYNAMICCOMBO_V3",
                display_name="Sampling Mode",
                options=[
                    {"key": "on", "inputs": _SAMPLING},
                    {"key": "off", "inputs": {"required": {}}},
                ],
            ),
        },
        optional={
            "image": ["IMAGE", {}],
            "video": spec("IMAGE", tooltip="Video frames, sampled once per second."),
            "audio": ["AUDIO", {}],
            "thinking": spec(
                "BOOLEAN",
                tooltip="Let the model think first, if it supports that.",
                default=False,
            ),
            "use_default_template": spec(
                "BOOLEAN",
                tooltip="Use the model's own prompt template, if it has one.",
                advanced=True,
                default=True,
            ),
        },
        outputs=["STRING"],
        output_names=["generated_text"],
        aliases=["LLM", "gemma"],
    ),
]
