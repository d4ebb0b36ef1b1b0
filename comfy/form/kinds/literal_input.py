"""One literal input as the field kinds see it, and the limits of its number. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from comfy.base.json_values import as_number
from comfy.comfyui.input_spec import InputSpec
from comfy.form.candidates import Candidate, Limits
from comfy.prompt.value_types import BadValue

# Limits of seeds without declared ones: many custom nodes seed numpy, which takes 32 bits.
_SEED_LIMITS = (0, 2**32 - 1)
_EXACT_SEED_LIMITS = (0, 2**64 - 1)

# Display options of numbers that are set by dragging.
_SLIDERS = frozenset({"slider", "knob", "gradientslider"})

_SEED_NAME = re.compile(r"(^|_|\.)seed$", re.IGNORECASE)


class Fit(IntEnum):
    """Quality of a widget for an input. The input gets the widget with the best fit."""

    NO = 0
    FALLBACK = 1
    TYPE = 2
    DECLARED = 3  # an option or the name of the input asks for it


@dataclass(frozen=True, slots=True)
class LiteralInput:
    """A candidate with details beyond its type: its limits, whether it is a seed, and the used
    outputs of its node (`used`)."""

    candidate: Candidate
    limits: Limits
    is_seed: bool
    used: Collection[int]

    @classmethod
    def of(
        cls, candidate: Candidate, name: str, target: InputSpec | None, used: Collection[int]
    ) -> LiteralInput:
        """Collect the facts that the field kinds use.

        `name` and `target` belong to the input that finally gets the value (`Trace.meaning`).
        """
        seed = _is_seed(candidate, name, target)
        return cls(candidate, _limits(candidate, target or candidate.spec, seed=seed), seed, used)

    @property
    def type(self) -> str:
        """Return the server's type, or a guess from the value."""
        return self.candidate.type

    @property
    def option(self) -> str:
        """Return the server's display option, "" if it has none."""
        shown = self.candidate.spec.options.get("display") if self.candidate.spec else None
        return shown if isinstance(shown, str) else ""

    @property
    def slides(self) -> bool:
        """Return whether the number is set by dragging: its limits are close, or the node's author
        wants a slider or a knob, or the node shows a camera that is turned by dragging."""
        if self.limits.min is None or self.limits.max is None or self.is_seed:
            return False
        inputs = self.candidate.node_spec.inputs if self.candidate.node_spec else ()
        return (
            self.limits.can_slide
            or self.option in _SLIDERS
            or any(one.type == "CAMERA_ANGLE_VIEW" for one in inputs)
        )

    @property
    def upload(self) -> str:
        """Return the kind of file that the input takes, "" for texts and inputs without files."""
        spec = self.candidate.spec
        is_file = spec is not None and (self.type != "STRING" or spec.is_base64)
        return (spec.upload or "") if spec and is_file else ""

    @property
    def mask_is_read(self) -> bool:
        """Return whether an image loader's mask output is connected. Loaders of base64 text don't
        invert it, so users can't paint one."""
        if self.candidate.spec and self.candidate.spec.is_base64:
            return False
        types = self.candidate.node_spec.output_types if self.candidate.node_spec else ()
        return "IMAGE" in types and any(
            kind == "MASK" and slot in self.used for slot, kind in enumerate(types)
        )

    def is_readable(self, read: Callable[[object], object]) -> bool:
        """Return whether `read` accepts the workflow's value."""
        try:
            read(self.candidate.value)
        except BadValue:
            return False
        return True


def _is_seed(candidate: Candidate, name: str, target: InputSpec | None) -> bool:
    """Return True for an integer named seed, or one that the editor would change after each run.

    The editor can also change a node that holds any number (PrimitiveInt). There the receiving
    input decides, so `name` and `target` belong to that input.
    """
    controlled = bool(target and target.options.get("control_after_generate")) and name != "value"
    return candidate.type == "INT" and (controlled or bool(_SEED_NAME.search(name)))


def _limits(candidate: Candidate, target: InputSpec | None, *, seed: bool) -> Limits:
    """Return the limits that the server declares for the input and for its target, without invalid
    ones. The server checks the input's own, the target's node may fail beyond the other."""
    if candidate.type not in ("INT", "FLOAT"):
        return Limits()
    options = [
        spec.options
        for spec in (target, candidate.spec)
        if spec is not None and (spec is candidate.spec or spec.value_type == candidate.type)
    ]
    low = max(_numbers(options, "min"), default=None)
    high = min(_numbers(options, "max"), default=None)
    finest = options[0] if options else {}
    step, grain = as_number(finest.get("step")), as_number(finest.get("round"))
    if candidate.type == "INT":
        step = step or 1
    if step is not None and step <= 0:
        step = None
    if seed:
        fits = isinstance(candidate.value, int) and candidate.value <= _SEED_LIMITS[1]
        least, most = _SEED_LIMITS if fits else _EXACT_SEED_LIMITS
        low, high = least if low is None else low, most if high is None else high
    return Limits(low, high, step, grain)


def _numbers(options: Iterable[Mapping[str, Any]], name: str) -> list[int | float]:
    return [number for one in options if (number := as_number(one.get(name))) is not None]
