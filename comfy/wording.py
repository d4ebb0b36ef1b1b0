"""Plain words for names and numbers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

# Input names that every graph has, in the words of somebody who never saw one.
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "amount": "How many",
        "audio": "Audio",
        "batch_size": "Images",
        "bit_depth": "Colour depth",
        "ckpt_name": "Model",
        "cfg": "Guidance scale",
        "clip_name": "Text encoder",
        "clip_name1": "Text encoder 1",
        "clip_name2": "Text encoder 2",
        "clip_name3": "Text encoder 3",
        "clip_l": "Keywords",
        "codec": "Codec",
        "control_net_name": "ControlNet",
        "crop": "Crop",
        "denoise": "Denoise",
        "duration": "Duration",
        "duration_seconds": "Duration (seconds)",
        "file": "File",
        "filename_prefix": "File name",
        "fps": "Frames per second",
        "frame_rate": "Frames per second",
        "grow_mask_by": "Grow mask by (pixels)",
        "guidance": "Guidance",
        "height": "Height",
        "image": "Image",
        "length": "Frames",
        "lora_name": "LoRA",
        "lyrics": "Lyrics",
        "megapixels": "Megapixels",
        "model_name": "Model",
        "n": "How many",
        "noise_seed": "Seed",
        "num_frames": "Frames",
        "quality": "Quality",
        "sampler_name": "Sampler",
        "scale_by": "Scale (times)",
        "scheduler": "Scheduler",
        "seed": "Seed",
        "seconds": "Seconds",
        "string_a": "First part",
        "string_b": "Second part",
        "steps": "Steps",
        "strength_clip": "LoRA strength (text)",
        "strength_model": "LoRA strength",
        "t5xxl": "Description",
        "tags": "Tags",
        "text": "Text",
        "unet_name": "Model",
        "upscale_method": "Scaling method",
        "vae_name": "VAE",
        "video": "Video",
        "switch": "On",
        "video_frames": "Frames",
        "weight_dtype": "Weight precision",
        "width": "Width",
    }
)


CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def plain_words(input_name: str) -> str:
    """Words for an input name: from the table, else the name itself as words ("start_at_step" →
    "Start at step")."""
    if input_name in _WORDS:
        return _WORDS[input_name]
    last = input_name.rpartition(".")[2]
    if last in _WORDS:
        return _WORDS[last]
    words = " ".join(CAMEL.sub(" ", last).replace("_", " ").replace("-", " ").split())
    return words[:1].upper() + words[1:60] if words else "Value"


def plain_number(number: int | float) -> str:
    """A number as people write it: all digits of a whole one, "0.5" and not "0.50"."""
    return str(number) if isinstance(number, int) else repr(number).removesuffix(".0")


def short(value: object) -> str:
    """A value in quotes, on one line and not too long to read."""
    text = " ".join(str(value)[:200].split())
    return f"“{text if len(text) <= 60 else text[:59] + '…'}”"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The sentence " Did you mean “steps”?" if something known is close to the word, else ""."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean “{close[0]}”?" if close else ""
