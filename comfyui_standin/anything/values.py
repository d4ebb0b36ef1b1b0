"""Values on links that the stand-in only knows by their type, and what they tell a painter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from PIL import Image

from comfyui_standin.nodes.base import (
    AudioLatent,
    AudioSamples,
    Conditioning,
    Latent,
    MediaFile,
    Model,
    VideoFrames,
)

ANY = frozenset({"*", "COMFY_MATCHTYPE_V3"})
MODELS = frozenset({"MODEL", "CLIP", "VAE"})
PLAIN = frozenset({"INT", "FLOAT", "BOOLEAN", "STRING", "COMBO"})
Hints = Mapping[str, Any]  # text, negative, seed, steps, cfg, width, height, seconds …
_SOUNDS = frozenset({".flac", ".mp3", ".wav", ".ogg", ".m4a", ".opus"})
_NUMBERS = {  # hints by the names of inputs
    "seed": re.compile(r"(noise_)?seed(_num)?"),
    "steps": re.compile(r"(num_|inference_)*steps"),
    "cfg": re.compile(r"(text_)?cfg(_scale)?|guidance(_scale)?"),
    "width": re.compile(r"(empty_latent_|image_|target_|resize_)?width"),
    "height": re.compile(r"(empty_latent_|image_|target_|resize_)?height"),
    "seconds": re.compile(r"(audio_)?(seconds|duration)"),
    "denoise": re.compile(r"denoise(_strength)?"),
    "fps": re.compile(r"fps|frame_rate"),
}


@dataclass(frozen=True, slots=True)
class Token:
    """A value of a type for which the stand-in has no form of its own, with the hints that were
    known where it was made."""

    type: str
    hints: Hints = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        return f"[demo] {self.type.lower()}"


def kind_of(value: object) -> str:
    """Return the type of a value on a link, "" for a value of no type. A model is a MODEL, also
    where it stands for a CLIP or VAE."""
    match value:
        case bool():
            return "BOOLEAN"
        case int():
            return "INT"
        case float():
            return "FLOAT"
        case str():
            return "STRING"
        case (Image.Image() as first, *_):
            return "MASK" if first.mode == "L" else "IMAGE"
        case Latent() | AudioLatent():
            return "LATENT"
        case Conditioning():
            return "CONDITIONING"
        case AudioSamples():
            return "AUDIO"
        case VideoFrames():
            return "VIDEO"
        case MediaFile(_, ending):
            return "AUDIO" if ending in _SOUNDS else "VIDEO"
        case Model():
            return "MODEL"
        case Token(type_):
            return type_
        case _:
            return ""


def hints_of(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a node's inputs tell a painter. Its own numbers win over those upstream."""
    hints: dict[str, Any] = {}
    for name, value in inputs.items():
        for key, hint in _told(value, negative="neg" in name.lower()).items():
            if hint and (key not in hints or (key == "text" and len(hint) > len(hints["text"]))):
                hints[key] = hint
    for name, value in inputs.items():
        bare = name.rpartition(".")[2].lower()
        if isinstance(value, int | float) and not isinstance(value, bool):
            hints |= {key: value for key, one in _NUMBERS.items() if one.fullmatch(bare)}
    return hints


def _told(value: object, *, negative: bool) -> Hints:
    match value:
        case Conditioning(text, clip):
            return {"negative": text} if negative else {"text": text, "loras": clip.loras}
        case Model(name, loras):
            return {"model": name, "loras": loras}
        case Token(_, hints):
            return hints
        case Latent(width, height):
            return {"width": width, "height": height}
        case AudioLatent(seconds, _, text):
            return {"seconds": seconds, "text": text}
        case (Image.Image() as first, *_):
            return {"width": first.width, "height": first.height}
        case _:
            return {}
