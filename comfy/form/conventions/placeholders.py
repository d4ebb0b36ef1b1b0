"""Placeholder values: `PARAM_INT_SEED` (some MCP servers) and SwarmUI's `${prompt:a cat}`.

A form starts with the default in the placeholder, otherwise with the server's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from comfy.form.candidates import Candidate
from comfy.form.conventions.layers import KEEP, Layer, NodeView, Statement
from comfy.prompt.value_types import BadValue, read_value

_PARAM = re.compile(
    r"PARAM_(?:(?P<type>INT|FLOAT|STR|STRING|BOOL|BOOLEAN)_)?(?P<name>[A-Z][A-Z0-9_]*)", re.ASCII
)
_SWARM = re.compile(
    r"(?:%%_COMFYFIXME_)?\$\{(?P<name>[^:{}]*)(?::(?P<default>[^{}]*))?\}(?:_ENDFIXME_%%)?",
    re.DOTALL,
)

# Type and first value of a placeholder, by the type in its name. For SwarmUI, by the names in its
# editor.
_EMPTY: dict[str, tuple[str, Any]] = {
    "INT": ("INT", 0),
    "FLOAT": ("FLOAT", 0.0),
    "STR": ("STRING", ""),
    "STRING": ("STRING", ""),
    "BOOL": ("BOOLEAN", False),
    "BOOLEAN": ("BOOLEAN", False),
}
_SWARM_KINDS = (
    ("comfyrawworkflowinputseed", "INT"),
    ("comfyrawworkflowinputinteger", "INT"),
    ("comfyrawworkflowinputdecimal", "FLOAT"),
    ("comfyrawworkflowinputboolean", "BOOLEAN"),
)
_MAX_PLACEHOLDER = 100_000


def is_placeholder(value: object) -> bool:
    """Return whether a value is a placeholder in either notation."""
    return isinstance(value, str) and bool(_match(value))


def meant_value(candidate: Candidate) -> object:
    """Return a placeholder's value. None means the server's default, or random for a seed. KEEP
    means that the value isn't a placeholder."""
    match = _match(candidate.value) if isinstance(candidate.value, str) else None
    if match is None:
        return KEEP
    parts = match.groupdict()
    kind, empty = _EMPTY.get(parts.get("type") or _swarm_kind(parts["name"]), ("STRING", ""))
    type_ = candidate.type if candidate.spec else kind
    default = parts.get("default")
    if default is None:
        return _first_choice(candidate) if candidate.spec else empty
    try:
        meant = read_value(type_, default)
    except BadValue:
        return None
    # In SwarmUI, a seed of -1 means random.
    return None if type_ == "INT" and meant == -1 and "seed" in parts["name"] else meant


def _match(value: str) -> re.Match[str] | None:
    if len(value) > _MAX_PLACEHOLDER:
        return None
    return _PARAM.fullmatch(value) or _SWARM.fullmatch(value)


def _swarm_kind(name: str) -> str:
    return next((kind for prefix, kind in _SWARM_KINDS if name.startswith(prefix)), "STRING")


def _first_choice(candidate: Candidate) -> object:
    spec = candidate.spec
    if spec is not None and spec.upload:
        return None
    if spec is not None and spec.choices:
        return spec.options.get("default", spec.choices[0])
    return "" if candidate.type == "STRING" else None


def placeholders(nodes: Sequence[NodeView]) -> Layer:
    """Read `PARAM_INT_SEED` and `${prompt:a cat}` placeholders. Heuristics place their inputs."""
    pairs: list[tuple[Candidate, Any]] = [
        (one, value)
        for node in nodes
        for one in node.inputs.values()
        if (value := meant_value(one)) is not KEEP
    ]
    return Layer(
        tuple(Statement("placeholder", (one.ref,), group=None, value=value) for one, value in pairs)
    )
