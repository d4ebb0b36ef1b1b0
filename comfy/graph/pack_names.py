"""Names of node packs in saved nodes, as the editor exports them with a prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,98}[a-zA-Z0-9])?"
# A pack's id in the registry, its GitHub repository, and its version or commit.
_SHAPES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "cnr_id": re.compile(_NAME),
        "aux_id": re.compile(rf"[a-zA-Z0-9-]{{1,39}}/{_NAME}"),
        "ver": re.compile(r"\d{1,9}\.\d{1,9}\.\d[\w.+-]{0,99}|[0-9a-fA-F]{4,40}|unknown"),
    }
)


def pack_names(properties: Mapping[str, object]) -> dict[str, str]:
    """Return the valid ones of a saved node's `cnr_id`, `aux_id` and `ver` (docs/comfyui.md#59)."""
    texts = {key: properties.get(key) for key in _SHAPES}
    found = {
        key: text.removeprefix("v") if key == "ver" else text
        for key, text in texts.items()
        if isinstance(text, str)
    }
    return {key: text for key, text in found.items() if _SHAPES[key].fullmatch(text)}
