"""Inputs that an audit found slow to read: long values, deep nesting, or many items."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.samples.media import png_chunks

LONGEST = 200_000

WILDCARDS: Mapping[str, str] = {
    "open": "{" * 63 + "a|b" * 66_000,
    "choices": "{" * 63 + "|" * 199_000,
    "closed": (("{" * 63 + "a|b" + "}" * 63) * 1_600)[:LONGEST],
    "pairs": "{" * 60 + "{}" * 90_000,
    "escapes": "{" * 62 + "\\" * 199_000,
}


def png_with_texts(name: bytes, text: bytes, count: int = 4_000) -> bytes:
    """Return a PNG that repeats one text chunk."""
    return png_chunks(*[(b"tEXt", name + b"\0" + text)] * count)


FILES: Mapping[str, Callable[[], bytes]] = {
    "numbers": lambda: png_with_texts(b"a", b'{"a":[' + b"1," * 7_200 + b"1]}"),
    "prompts": lambda: png_with_texts(b"prompt", b'{"a":[' + b"{}," * 4_800 + b"1]}"),
    "objects": lambda: png_with_texts(b"a", json.dumps({str(n): n for n in range(1_200)}).encode()),
    "one object": lambda: json.dumps({str(n): 1 for n in range(2_000_000)}).encode(),
}


def many_prefixes() -> dict[str, Any]:
    """Return a prompt of 2,000 nodes, each with a file prefix of 2,000 names."""
    return {
        str(n): {"class_type": "SaveImage", "inputs": {"filename_prefix": "%a.b%" * 2_000}}
        for n in range(2_000)
    }
