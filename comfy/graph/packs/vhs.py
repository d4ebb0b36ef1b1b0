"""ComfyUI-VideoHelperSuite, which saves values by name and still reads its earlier lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy.graph.packs.rule import PackRule, SavedValues
from comfy.graph.schema import GraphNode

# The names of the values that its first versions saved as a list. None: a button.
_LISTED: Mapping[str, tuple[str | None, ...]] = {
    "VHS_LoadImages": (
        "directory",
        None,
        "image_load_cap",
        "skip_first_images",
        "select_every_nth",
    ),
    "VHS_LoadImagesPath": (
        "directory",
        "image_load_cap",
        "skip_first_images",
        "select_every_nth",
    ),
    "VHS_VideoCombine": (
        "frame_rate",
        "loop_count",
        "filename_prefix",
        "format",
        "pingpong",
        "save_image",
    ),
    **dict.fromkeys(
        ("VHS_LoadVideo", "VHS_LoadVideoPath"),
        (
            "video",
            "force_rate",
            "force_size",
            "frame_load_cap",
            "skip_first_frames",
            "select_every_nth",
        ),
    ),
}
_RENAMED = {"save_image": "save_output"}


def _values(node: GraphNode) -> SavedValues:
    saved = node.widgets_values
    names = _LISTED.get(node.type, ())
    if isinstance(saved, tuple):
        if not names or len(saved) < len(names):
            return saved
        values = {name: value for name, value in zip(names, saved, strict=False) if name}
    elif isinstance(saved, Mapping):
        values = dict(saved)
    else:
        return saved
    if node.type == "VHS_VideoCombine":
        for old, new in _RENAMED.items():
            values.setdefault(new, values.get(old))
    return {**values, **_custom_size(values.get("force_size"))}


def _custom_size(force_size: object) -> dict[str, Any]:
    """Return the width and height of a `force_size` that files before 2025 have, such as "512x?".
    0 keeps the video's own."""
    if not isinstance(force_size, str):
        return {}
    width, cross, height = force_size.partition("x")
    if cross:
        return {"custom_width": _size(width), "custom_height": _size(height)}
    sizes = {}
    if force_size in ("Disabled", "Custom Height"):
        sizes["custom_width"] = 0
    if force_size in ("Disabled", "Custom Width"):
        sizes["custom_height"] = 0
    return sizes


def _size(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


# Images become latents as soon as a VAE is connected.
_WITH_VAE = frozenset({"vae"})

VHS_RULES: Mapping[str, PackRule] = {
    name: PackRule(values=_values, unconnected=_WITH_VAE)
    for name in (*_LISTED, "VHS_LoadVideoFFmpeg", "VHS_LoadVideoFFmpegPath")
}
