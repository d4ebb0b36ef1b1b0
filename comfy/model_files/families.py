"""Base models: their usual names, and which models fit together. Pure."""

from __future__ import annotations

import re

_SOUND = frozenset({"Stable Audio", "ACE-Step"})
# By the usual name: parts of an architecture in a file's header, and of file names.
_FAMILIES = {
    "Stable Audio": "stable.?audio",
    "ACE-Step": "ace.?step",
    "Flux 2": "flux.?2",
    "Flux": "flux",
    "Qwen Image": "qwen.?image",
    "Z-Image": "z.?image",
    "Wan": r"(?<![a-z])wan[\W_]?\d|wan[\W_]?video",
    "HunyuanVideo": "hunyuan.?video|framepack",
    "LTX Video": r"(?<![a-z])ltx",
    "HiDream": "hidream",
    "Chroma": "chroma",
    "SDXL": r"sd.?xl|diffusion.xl|xl(?![a-z])|pony|illustrious|noobai",
    "SD 3": r"(?<![a-z])sd.?v?3|diffusion.v?3",
    "SD 2": r"(?<![a-z])sd.?v?2|diffusion.v?2|(?<![a-z])v2.1",
    "SD 1": r"(?<![a-z])sd.?v?1|diffusion.v?1|(?<![a-z])v1.5",
}
_NAMES = (*_FAMILIES,)
_ANY = re.compile("|".join(f"({one})" for one in _FAMILIES.values()), re.IGNORECASE)


def family_in(text: str) -> str:
    """Return the usual name of the base model that a text names first, "" if it names none."""
    found = _ANY.search(text)
    return _NAMES[found.lastindex - 1] if found and found.lastindex else ""


def fits(base: str, wanted: str, folder: str) -> bool:
    """Return whether a model of a folder can work in place of, or beside, a base model. A
    checkpoint needs one for the same kind of result, others the same one. Unknown ones fit."""
    if not base or not wanted or base == wanted:
        return True
    return folder == "checkpoints" and _kind_of(base) == _kind_of(wanted)


def _kind_of(base: str) -> str:
    return base if base not in _FAMILIES else "sound" if base in _SOUND else "picture"
