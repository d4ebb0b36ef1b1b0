"""Which widget an input gets: a table by the server's type, and the few things that refine it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from comfy.candidates import Candidate
from comfy.form_fields import Widget
from comfy.trace import Trace

BY_TYPE: Mapping[str, Widget] = MappingProxyType(
    {
        "INT": "number",
        "FLOAT": "number",
        "BOOLEAN": "checkbox",
        "COMBO": "dropdown",
        "COMFY_DYNAMICCOMBO_V3": "dropdown",
    }
)
BY_UPLOAD: Mapping[str, Widget] = MappingProxyType(
    {"image": "image", "audio": "audio", "video": "video", "file": "file"}
)

# More steps than this and dragging cannot hit a value.
MAX_SLIDER_STEPS = 200

# Without declared limits: numpy, which many custom nodes seed, takes 32 bits.
SEED_LIMITS = (0, 2**32 - 1)
EXACT_SEED_LIMITS = (0, 2**64 - 1)

LIMITS = ("min", "max", "step", "round")

_SEED_NAME = re.compile(r"(^|_|\.)seed$", re.IGNORECASE)


def choose_widget(candidate: Candidate, trace: Trace) -> Widget:
    """The widget for one literal input."""
    spec = candidate.spec
    if spec and spec.upload and candidate.type != "STRING":
        painted = spec.upload == "image" and mask_is_read(candidate, trace)
        return "mask" if painted else BY_UPLOAD[spec.upload]
    if is_seed(candidate, trace):
        return "seed"
    if candidate.type == "STRING" or (spec and spec.choices == () and "remote" in spec.options):
        return "textarea" if candidate.multiline else "text"
    plain = BY_TYPE.get(candidate.type, "text")
    limits = limits_of(candidate, trace)
    return "slider" if plain == "number" and can_slide(limits["min"], limits["max"], limits["step"]) else plain


def is_seed(candidate: Candidate, trace: Trace) -> bool:
    """True for a whole number named seed, or one that the editor would change after each run.

    A node that holds any number can be told to change it too (PrimitiveInt): there the receiving input decides.
    """
    node, name = trace.meaning(candidate.node, candidate.input)
    spec = trace.spec_of(node, name)
    controlled = bool(spec and spec.options.get("control_after_generate")) and name != "value"
    return candidate.type == "INT" and (controlled or bool(_SEED_NAME.search(name)))


def mask_is_read(candidate: Candidate, trace: Trace) -> bool:
    """True if the mask that a picture loader gives beside its picture goes anywhere."""
    types = candidate.node_spec.output_types if candidate.node_spec else ()
    return "IMAGE" in types and any(
        kind == "MASK" and trace.output_used(candidate.node, slot) for slot, kind in enumerate(types)
    )


def can_slide(low: float | None, high: float | None, step: float | None) -> bool:
    """True where dragging makes sense: both ends known and few enough steps between them."""
    return low is not None and high is not None and bool(step) and 0 < (high - low) / (step or 1) <= MAX_SLIDER_STEPS


def limits_of(candidate: Candidate, trace: Trace) -> dict[str, Any]:
    """min, max, step and round as the server declares them for the input that gets the value; nonsense is left out."""
    target = trace.spec_of(*trace.meaning(candidate.node, candidate.input)) or candidate.spec
    own = target if target and target.value_type == candidate.type else candidate.spec
    options = own.options if own else {}
    limits = {name: _number(options.get(name)) for name in LIMITS}
    if candidate.type not in ("INT", "FLOAT"):
        return dict.fromkeys(LIMITS)
    if candidate.type == "INT":
        limits["step"] = limits["step"] or 1
    if limits["step"] is not None and limits["step"] <= 0:
        limits["step"] = None
    if is_seed(candidate, trace):
        fits = isinstance(candidate.value, int) and candidate.value <= SEED_LIMITS[1]
        low, high = SEED_LIMITS if fits else EXACT_SEED_LIMITS
        limits["min"] = low if limits["min"] is None else limits["min"]
        limits["max"] = high if limits["max"] is None else limits["max"]
    return limits


def _number(value: object) -> int | float | None:
    ok = (
        isinstance(value, int | float) and not isinstance(value, bool) and value == value and abs(value) != float("inf")
    )
    return value if ok else None  # type: ignore[return-value]
