"""Values on links that the stand-in only knows by their type, and what they tell a painter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from PIL import Image

from comfyui_standin.anything.paintings import SOUNDS
from comfyui_standin.nodes.base import (
    AudioLatent,
    AudioSamples,
    Conditioning,
    Latent,
    MediaFile,
    Model,
    VideoFrames,
)

Value = Any  # of any type that links have
Hints = Mapping[str, Any]  # text, negative, seed, steps, cfg, width, height, seconds, picture …
ANY = frozenset({"*", "COMFY_MATCHTYPE_V3"})
MODELS = frozenset({"MODEL", "CLIP", "VAE"})
PLAIN = frozenset({"INT", "FLOAT", "BOOLEAN", "STRING", "COMBO"})
SHAPES = re.compile(r"MESH|FILE_3D|SPLAT|VOXEL|GLB|POINT_CLOUD|GEOMETRY|LOAD_?3D")
NUMBERS = {  # hints by the names of inputs
    "seed": re.compile(r"(noise_)?seed(_num)?"),
    "steps": re.compile(r"(num_|inference_|sampling_)*steps"),
    "cfg": re.compile(r"(text_)?cfg(_scale)?|guidance(_scale)?"),
    "width": re.compile(r"(empty_latent_|image_|target_|resize_|output_)?width"),
    "height": re.compile(r"(empty_latent_|image_|target_|resize_|output_)?height"),
    "seconds": re.compile(r"(audio_|video_)?(seconds|duration|length_s)"),
    "denoise": re.compile(r"denoise(_strength)?"),
    "fps": re.compile(r"fps|frame_rate"),
    "frames": re.compile(r"length|(video_|num_|max_)?(frames|length)(_number)?|frame_count"),
    "batch": re.compile(r"batch_size|(image_)?count|num_images|n"),
    "megapixels": re.compile(r"megapixels?"),
}
_LEAST = {"width": 16, "height": 16, "seed": 0, "denoise": 0, "cfg": 0}  # less says nothing
_SIZE = re.compile(r"(\d{3,4})\s*[x×*]\s*(\d{3,4})")
_RATIO = re.compile(r"\b(\d{1,2})[:/](\d{1,2})\b")
_SECONDS = re.compile(r"(\d{1,3}(?:\.\d+)?) ?(?:s|sec|seconds)?")
_LINES = re.compile(r"(\d{3,4})[pP]")
_BEFORE = re.compile(r"control|pose|depth|canny|mask")  # inputs that only guide
_VIDEO = re.compile(rb"(?:avc1|hvc1|hev1|av01|vp09|mp4v)\0{6}.{18}(..)(..)", re.DOTALL)
_AREA = 1024 * 1024


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
            return "AUDIO" if ending[1:] in SOUNDS else "VIDEO"
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
        for key, hint in _told(name.lower(), value).items():
            if hint and (key not in hints or (key == "text" and len(hint) > len(hints["text"]))):
                hints[key] = hint
    own_size = False
    for name, value in sorted(inputs.items(), key=lambda one: isinstance(one[1], str)):
        bare = name.rpartition(".")[2].lower()
        if isinstance(value, int | float) and not isinstance(value, bool):
            known = (key for key, one in NUMBERS.items() if one.fullmatch(bare))
            hints |= {key: value for key in known if value >= _LEAST.get(key, 1e-6)}
        elif NUMBERS["seconds"].fullmatch(bare) and (match := _SECONDS.fullmatch(str(value))):
            hints["seconds"] = float(match[1])  # a choice
        elif isinstance(value, str) and len(value) < 40 and (size := _size(bare, value, inputs)):
            hints |= size
            own_size = True
    if own_size:  # within the megapixels already
        hints.pop("megapixels", None)
    return hints


def _told(name: str, value: object) -> Hints:
    match value:
        case Conditioning(text, clip, image, mask):
            told = {"negative" if "neg" in name else "text": text, "mask": mask}
            return {**told, "loras": clip.loras, "picture": image, "guide": clip.guide}
        case Model(model, loras, guide):
            return {"model": model, "loras": loras, "guide": guide}
        case Token(_, hints):
            steers = {"picture": None, "guide": hints.get("picture") or hints.get("guide")}
            return {**hints, **steers} if _BEFORE.search(name) else hints
        case Latent(width, height, (first, *_), mask, frames=frames, text=text):
            size = {"width": width, "height": height, "frames": frames if frames > 1 else 0}
            return {**size, "text": text, "mask": mask, **_pictured(first, guides=False)}
        case AudioLatent(seconds, _, text):
            return {"seconds": seconds, "text": text}
        case MediaFile(data, ".mp4"):
            return _shape(data)
        case VideoFrames(images, fps):
            return {**_told(name, images), "fps": fps}
        case (Image.Image() as first, *_):
            size = {"width": first.width, "height": first.height}
            guides = bool(_BEFORE.search(name))
            seen = {"mask": first} if first.mode == "L" else _pictured(first, guides=guides)
            return {**size, **seen}
        case _:
            return {}


def _shape(video: bytes) -> Hints:
    """Return the size, length and rate of a video file, by its sample table."""
    if (track := _VIDEO.search(video)) is None:
        return {}
    head, table = video.rfind(b"mdhd", 0, track.start()), video.find(b"stsz", track.end())
    rate, duration, frames = (
        int.from_bytes(video[at : at + 4]) for at in (head + 16, head + 20, table + 12)
    )
    width, height = map(int.from_bytes, track.groups())
    return {
        "width": width,
        "height": height,
        "frames": frames,
        "fps": frames * rate / (duration or 1),
    }


def _pictured(image: Image.Image | None, *, guides: bool) -> Hints:
    """Return an image as what is shown, or as a guide: a map stands for what it was made from."""
    source = image.info.get("map") if image else None
    return {"guide" if guides or source else "picture": source or image}


def _size(name: str, value: str, inputs: Mapping[str, Any]) -> Hints:
    """Return the size that a choice such as "1024x768" or "16:9" means. Of a ratio, other inputs
    may tell the size: megapixels, or a resolution such as "720p"."""
    if match := _SIZE.search(value):
        return {"width": int(match[1]), "height": int(match[2])}
    match = _RATIO.search(value) if "ratio" in name or "size" in name else None
    if match is None or "0" in (match[1], match[2]):
        return {}
    ratio = int(match[1]) / int(match[2])
    short = (_AREA * min(ratio, 1 / ratio)) ** 0.5
    for key, given in inputs.items():
        if key.endswith("megapixels") and type(given) in (int, float):
            short *= max(0.01, min(16.0, given)) ** 0.5
        elif isinstance(given, str) and (lines := _LINES.fullmatch(given)):
            short = int(lines[1])
    wide, high = max(1.0, ratio), max(1.0, 1 / ratio)
    return {"width": round(short * wide / 8) * 8, "height": round(short * high / 8) * 8}
