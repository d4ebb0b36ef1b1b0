"""Plain words for names and numbers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from comfy.base.known_names import acronym
from comfy.base.messages import message

# Labels of common input names, in plain words for beginners.
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "amount": message("How many"),
        "audio": message("Audio"),
        "batch_size": message("Images"),
        "bit_depth": message("Color depth"),
        "ckpt_name": message("Model"),
        "cfg": message("Guidance scale"),
        "clip_name": message("Text encoder"),
        "clip_name1": message("{label} {number}", label=message("Text encoder"), number=1),
        "clip_name2": message("{label} {number}", label=message("Text encoder"), number=2),
        "clip_name3": message("{label} {number}", label=message("Text encoder"), number=3),
        "clip_l": message("Keywords"),
        "codec": message("Codec"),
        "control_net_name": "ControlNet",
        "crf": message("Quality (CRF)"),
        "crop": message("Crop"),
        "denoise": message("Denoise"),
        "background_image": message("Background image"),
        "duration": message("Duration"),
        "duration_seconds": message("Duration (seconds)"),
        "end_frame": message("Last frame"),
        "end_image": message("Last frame"),
        "file": message("File"),
        "filename_prefix": message("File name"),
        "first_frame": message("First frame"),
        "first_frame_image": message("First frame"),
        "first_image": message("First frame"),
        "fps": message("Frames per second"),
        "frame_rate": message("Frames per second"),
        "grow_mask_by": message("Grow mask by (pixels)"),
        "guidance": message("Guidance"),
        "garment": message("Garment"),
        "height": message("Height"),
        "image": message("Image"),
        "image_back": message("Back view"),
        "image_left": message("Left view"),
        "image_right": message("Right view"),
        "last_frame": message("Last frame"),
        "last_frame_image": message("Last frame"),
        "length": message("Frames"),
        "lora_name": "LoRA",
        "loras": "LoRAs",
        "lyrics": message("Lyrics"),
        "megapixels": message("Megapixels"),
        "model3d": message("3D model"),
        "model_3d": message("3D model"),
        "model_name": message("Model"),
        "n": message("How many"),
        "noise_seed": message("Seed"),
        "num_frames": message("Frames"),
        "pingpong": message("Back and forth"),
        "person": message("Person"),
        "pix_fmt": message("Pixel format"),
        "quality": message("Quality"),
        "ref_image": message("Reference image"),
        "reference_image": message("Reference image"),
        "sampler_name": message("Sampler"),
        "scale_by": message("Scale factor"),
        "scheduler": message("Scheduler"),
        "seed": message("Seed"),
        "seconds": message("Seconds"),
        "string_a": message("{label} {number}", label=message("Text"), number=1),
        "string_b": message("{label} {number}", label=message("Text"), number=2),
        "start_frame": message("First frame"),
        "start_image": message("First frame"),
        "steps": message("Steps"),
        "strength_clip": message("LoRA strength (text)"),
        "strength_model": message("LoRA strength"),
        "style_image": message("Style image"),
        "t5xxl": message("Description"),
        "tags": message("Tags"),
        "text": message("Text"),
        "unet_name": message("Model"),
        "upscale_method": message("Scaling method"),
        "vae_name": "VAE",
        "video": message("Video"),
        "switch": message("On"),
        "video_frames": message("Frames"),
        "weight_dtype": message("Weight precision"),
        "width": message("Width"),
    }
)


_MOST_DIGITS = 10**15
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_AFTER_ACRONYM = re.compile(r"(?<=[A-Z]{2})(?=[A-Z][a-z])")


def plain_words(input_name: str) -> str:
    """Return the label of an input name: from the table, else the name itself as words
    ("start_at_step" → "Start at step")."""
    if input_name in _WORDS:
        return _WORDS[input_name]
    last = input_name.rpartition(".")[2]
    if last in _WORDS:
        return _WORDS[last]
    spaced = CAMEL.sub(" ", last).replace("_", " ").replace("-", " ")
    words = " ".join(map(acronym, spaced.split()))
    return words[:1].upper() + words[1:60] if words else message("Value")


def class_words(class_type: str) -> str:
    """Return the name of a node class as words ("LTXVAddGuide" → "LTXV Add Guide"). A name with
    spaces stays."""
    if " " in class_type:
        return class_type
    spaced = _AFTER_ACRONYM.sub(" ", CAMEL.sub(" ", class_type)).replace("_", " ")
    return " ".join(spaced.split())


def plain_number(number: int | float) -> int | float:
    """Return a number for a message, whose language formats it; integral floats become integers."""
    whole = isinstance(number, float) and number.is_integer() and abs(number) < _MOST_DIGITS
    return int(number) if whole else number


def minimum(number: int | float) -> str:
    """Return the message for a number below the minimum."""
    return message("Minimum {number}.", number=plain_number(number))


def maximum(number: int | float) -> str:
    """Return the message for a number above the maximum."""
    return message("Maximum {number}.", number=plain_number(number))


def short(value: object) -> str:
    """Return a value as one short line, without quotes."""
    text = " ".join(str(value)[:200].split())
    return text if len(text) <= 60 else text[:59] + "…"


def quoted(name: str) -> str:
    """Return a name in quotes, for lists of names."""
    return message("“{name}”", name=name)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the sentence "Did you mean “steps”?" if a known word is close to this one, else ""."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return message("Did you mean “{name}”?", name=close[0]) if close else ""
