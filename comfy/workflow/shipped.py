"""Translations of the project's own workflows, chains and fields. Their files are in English; a
page shows them in the reader's language. Other authors' texts are never translated. Prompts are for
a model and stay unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from comfy.base.messages import Message, message

# By file name: title, description, and the titles of a chain's steps.
SHIPPED: Mapping[str, tuple[Message, ...]] = MappingProxyType(
    {
        "animation.toml": (
            message("Animation"),
            message("Turn a prompt into a short looping animation (WebP and MP4)."),
        ),
        "create-upscale-detail.chain.toml": (
            message("Create, enlarge, refine"),
            message("Create an image, enlarge it and refine the details."),
            message("Image"),
            message("Enlarge"),
            message("Refine"),
        ),
        "describe-image.toml": (
            message("Describe an image"),
            message("Get a description of your image."),
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
            message("Describe your image and create a new image from the description."),
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
        "text-to-sound.toml": (
            message("Text to sound"),
            message("Create music or a sound from a description."),
        ),
        "upscale.toml": (
            message("Upscale"),
            message("Enlarge your image and add detail."),
        ),
    }
)

# Headings of our workflows' folders, by path.
SHIPPED_FOLDERS = MappingProxyType({"steps": message("Parts of other workflows")})


def _first_and_motion(label: Message) -> Iterator[Message]:
    """Yield a label for the first frame, and for the motion of an animation."""
    for detail in (message("First frame"), message("Motion")):
        yield message("{label} ({detail})", label=label, detail=detail)


# Labels and help texts of the workflows' fields.
_OF_FIELDS: Mapping[str, Message] = MappingProxyType(
    {
        one: one
        for one in (
            message("Detail"),
            message("Device"),
            message("{label} ({detail})", label=message("File name"), detail=message("Animation")),
            message("Format"),
            message("Frames"),
            message("Frames per second"),
            *_first_and_motion(message("Guidance scale")),
            *(
                message("{label} {number}", label=message("Image"), number=one)
                for one in range(1, 5)
            ),
            message("Images"),
            message("Text model type"),
            message("Maximum answer length"),
            message("Lossless"),
            message("Method"),
            message("Motion"),
            message("Motion seed"),
            message("Question"),
            *_first_and_motion(message("Sampler")),
            message("Sampling mode"),
            message("Scale"),
            *_first_and_motion(message("Scheduler")),
            message("Steps per frame"),
            message("Text model"),
            message("Thinking"),
            message("Use default template"),
            message("Your image"),
            message("Length (seconds)"),
            message("Longer sounds take longer."),
            message("Describe the music or the sound."),
            message("More steps take longer."),
            message("A Stable Audio checkpoint."),
            message("2 doubles width and height. Large images need a lot of memory."),
            message("A vision model, such as Qwen3.5."),
            message("Any Stable Diffusion 1.5 checkpoint."),
            message("Briefly describe what's in the image."),
            message("Describe the image you want."),
            message("Describe what should replace it."),
            message("How closely to follow the prompt. Very high values look harsh."),
            message("How much changes between frames."),
            message("How much new detail to add. Lower stays closer to your image."),
            message("How much to change the masked area."),
            message("How much to change: low values retouch, 1 repaints everything."),
            message("Images per run."),
            message("More frames take longer and use more memory."),
            message("More steps take longer. Above 30, little changes."),
            message("Pixels."),
            message("Pixels. The model works best around 512 × 512."),
            message("Pixels. Your image is cropped to this shape."),
            message("The same seed and settings give the same result."),
            message("What to avoid."),
        )
    }
)


def with_messages(file: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a TOML file called `file`, with messages for our texts. If title and
    description differ from ours, it is another author's file. Otherwise all texts become messages,
    except in edited fields."""
    raw_steps = data.get("steps")
    steps = raw_steps if isinstance(raw_steps, list) else []
    words = [one.get("title") if isinstance(one, dict) else None for one in steps]
    ours = SHIPPED.get(file)
    if ours is None or (data.get("title"), data.get("description"), *words) != ours:
        return data
    title, description, *titles = ours
    document = data | {"title": title, "description": description}
    if steps:
        document["steps"] = [one | {"title": own} for one, own in zip(steps, titles, strict=True)]
    if isinstance(fields := data.get("fields"), dict):
        document["fields"] = {name: _of_field(one) for name, one in fields.items()}
    return document


def _of_field(said: object) -> object:
    if not isinstance(said, dict):
        return said
    words = {key: said[key] for key in ("label", "help") if isinstance(said.get(key), str)}
    return said | {key: _OF_FIELDS.get(word, word) for key, word in words.items()}
