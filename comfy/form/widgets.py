"""Which widget an input gets: a table by the server's type, and the few things that refine it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from comfy.base.json_values import as_number
from comfy.comfyui.object_info import InputSpec
from comfy.form.candidates import Candidate
from comfy.prompt.shapes import read_box, read_points
from comfy.prompt.value_types import BadValue, read_color
from comfy.workflow.config import Widget

BY_TYPE: Mapping[str, Widget] = MappingProxyType(
    {
        "INT": "number",
        "FLOAT": "number",
        "BOOLEAN": "checkbox",
        "COMBO": "dropdown",
        "COMFY_DYNAMICCOMBO_V3": "dropdown",
        "BOUNDING_BOX": "box",
        "CURVE": "curve",
    }
)
# Widgets whose value is a list, and what reads it.
SHAPE_READERS: Mapping[Widget, Callable[[object], Iterable[object]]] = MappingProxyType(
    {"box": read_box, "curve": read_points}
)
_BY_UPLOAD: Mapping[str, Widget] = MappingProxyType(
    {"image": "image", "audio": "audio", "video": "video", "file": "file"}
)

# More steps than this and dragging cannot hit a value.
_MAX_SLIDER_STEPS = 200

# Without declared limits: numpy, which many custom nodes seed, takes 32 bits.
_SEED_LIMITS = (0, 2**32 - 1)
_EXACT_SEED_LIMITS = (0, 2**64 - 1)

_SEED_NAME = re.compile(r"(^|_|\.)seed$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a number may be; None where nothing limits it."""

    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None
    round: float | None = None

    @property
    def can_slide(self) -> bool:
        """True where dragging makes sense: both ends known and few enough steps between them."""
        if self.min is None or self.max is None or not self.step:
            return False
        return 0 < (self.max - self.min) / self.step <= _MAX_SLIDER_STEPS


@dataclass(frozen=True, slots=True)
class ChosenWidget:
    """How a person sets an input, as the server has it."""

    widget: Widget
    limits: Limits


def choose_widget(
    candidate: Candidate, name: str, target: InputSpec | None, used: Collection[int]
) -> ChosenWidget:
    """Widget and limits for one literal input.

    `name` and `target` are of the input that the value is really for (`Trace.meaning`), `used` are
    the outputs of the node that lead somewhere.
    """
    seed = is_seed(candidate, name, target)
    limits = _limits(candidate, target or candidate.spec, seed=seed)
    return ChosenWidget(_widget(candidate, limits, used, seed=seed), limits)


def _widget(candidate: Candidate, limits: Limits, used: Collection[int], *, seed: bool) -> Widget:
    spec = candidate.spec
    if spec and spec.upload and candidate.type != "STRING":
        painted = spec.upload == "image" and _mask_is_read(candidate, used)
        return "mask" if painted else _BY_UPLOAD[spec.upload]
    if seed:
        return "seed"
    if _is_color(candidate):
        return "color"
    if candidate.type == "STRING" or (spec and spec.choices == () and "remote" in spec.options):
        return "textarea" if candidate.multiline else "text"
    plain = BY_TYPE.get(candidate.type, "text")
    if plain in SHAPE_READERS and not _is_readable(SHAPE_READERS[plain], candidate.value):
        return "text"
    return "slider" if plain == "number" and limits.can_slide else plain


def _is_color(candidate: Candidate) -> bool:
    """True for a colour, as a type of its own or as a text or number that is shown as one; not for
    a text which a colour picker could not show."""
    asked = candidate.spec is not None and candidate.spec.options.get("display") == "color"
    if candidate.type != "COLOR" and not (asked and candidate.type in ("INT", "STRING")):
        return False
    return _is_readable(read_color, candidate.value)


def _is_readable(read: Callable[[object], object], value: object) -> bool:
    try:
        read(value)
    except BadValue:
        return False
    return True


def is_seed(candidate: Candidate, name: str, target: InputSpec | None) -> bool:
    """True for a whole number named seed, or one that the editor would change after each run.

    A node that holds any number can be told to change it too (PrimitiveInt): there the receiving
    input decides, of which these are the name and the spec.
    """
    controlled = bool(target and target.options.get("control_after_generate")) and name != "value"
    return candidate.type == "INT" and (controlled or bool(_SEED_NAME.search(name)))


def _mask_is_read(candidate: Candidate, used: Collection[int]) -> bool:
    """True if the mask that an image loader gives beside its image goes anywhere."""
    types = candidate.node_spec.output_types if candidate.node_spec else ()
    return "IMAGE" in types and any(
        kind == "MASK" and slot in used for slot, kind in enumerate(types)
    )


def _limits(candidate: Candidate, target: InputSpec | None, *, seed: bool) -> Limits:
    """As the server declares them for the input that gets the value; nonsense is left out."""
    if candidate.type not in ("INT", "FLOAT"):
        return Limits()
    own = target if target and target.value_type == candidate.type else candidate.spec
    options = own.options if own else {}
    low, high = as_number(options.get("min")), as_number(options.get("max"))
    step, grain = as_number(options.get("step")), as_number(options.get("round"))
    if candidate.type == "INT":
        step = step or 1
    if step is not None and step <= 0:
        step = None
    if seed:
        fits = isinstance(candidate.value, int) and candidate.value <= _SEED_LIMITS[1]
        least, most = _SEED_LIMITS if fits else _EXACT_SEED_LIMITS
        low, high = least if low is None else low, most if high is None else high
    return Limits(low, high, step, grain)
