"""`%Node.widget%` in file name prefixes and primitives: the editor puts the widget's value there before it sends.

`%date:…%`, `%width%` and `%height%` are left as they are: dates belong to the moment of a run, sizes to the server.
Facts from ComfyUI_frontend 1.49.6: `applyTextReplacements`, `saveImageExtraOutput`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from comfy.file_prefix import MAX_NAME, MAX_NAMES
from comfy.graph_live import LiveNode

# The value of a widget, by the name or title of its node and its own name; None if there is none.
Lookup = Callable[[str, str], Any]

PREFIX = "filename_prefix"
SAVERS = frozenset(
    {
        "SaveImage",
        "SaveImageAdvanced",
        "SaveSVGNode",
        "SaveVideo",
        "SaveAnimatedWEBP",
        "SaveWEBM",
        "SaveAudio",
        "SaveAudioMP3",
        "SaveAudioOpus",
        "SaveAudioAdvanced",
        "SaveGLB",
        "Save3DAdvanced",
        "SaveGaussianSplat",
        "SavePointCloud",
        "SaveAnimatedPNG",
        "CLIPSave",
        "VAESave",
        "ModelSave",
        "LoraSave",
        "SaveLatent",
    }
)
PLACE = re.compile(r"%([^%]+)%")
UNSAFE = re.compile(r'[/?<>\\:*|"\x00-\x1F\x7F]')


def substitute(text: str, lookup: Lookup, longest: int = MAX_NAME) -> str:
    """Replace every `%NODE.WIDGET%` for which `lookup(node, widget)` is not None, made safe for a file name.

    Values are cut to the `longest` in characters; names beyond the first 32 stay.
    """

    def put(match: re.Match[str]) -> str:
        parts = match[1].split(".")
        value = lookup(*parts) if len(parts) == 2 else None
        return match[0] if value is None else UNSAFE.sub("_", _as_text(value)[:longest])

    return PLACE.sub(put, text, MAX_NAMES)


def lookup_in(nodes: Iterable[LiveNode]) -> Lookup:
    """Find a widget's value by its node's name for search and replace or, failing that, by the node's title."""
    named: dict[object, LiveNode] = {}
    titled: dict[str, LiveNode] = {}
    for node in nodes:
        name = node.saved.properties.get("Node name for S&R")
        if isinstance(name, str):
            named.setdefault(name, node)
        titled.setdefault(node.title, node)

    def lookup(name: str, widget: str) -> Any:
        node = named.get(name) or titled.get(name)
        found = node.widget(widget) if node else None
        return found and ("" if found.value is None else found.value)

    return lookup


def _as_text(value: object) -> str:
    """As JavaScript writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
