"""Numbers, in a text box or on a slider."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from comfy.base.messages import message
from comfy.base.wording import maximum, minimum
from comfy.form.candidates import Candidate
from comfy.form.model import Field, FieldKind, Fit, Several
from comfy.prompt.value_types import BadValue, read_value

# Display options of numbers that are set by dragging.
_SLIDERS = frozenset({"slider", "knob", "gradientslider"})
_TYPES = frozenset({"INT", "FLOAT"})


def _check(field: Field, value: object) -> int | float:
    """Return the number to send, rounded to the field's steps. Raises BadValue."""
    number = within_limits(field, value)
    if number == field.default:
        return number
    rounded = _rounded(field, number)
    if field.max is not None and rounded > field.max:
        return number if field.type == "FLOAT" else rounded - int(field.step or 1)
    return rounded if field.min is None else max(rounded, field.min)


def within_limits(field: Field, value: object) -> int | float:
    """Return the number if it is the author's own or within the limits. Raises BadValue."""
    if isinstance(value, bool):
        raise BadValue(message("Enter a number."))
    number: int | float = read_value(field.type, value)
    if number == field.default:
        return number
    if field.min is not None and number < field.min:
        raise BadValue(minimum(field.min))
    if field.max is not None and number > field.max:
        raise BadValue(maximum(field.max))
    return number


def _rounded(field: Field, value: int | float) -> int | float:
    """Round as the editor does: integers to steps counted from the minimum, other numbers to the
    node's `round`."""
    if isinstance(value, int):
        step = int(field.step or 1)
        offset = int(field.min or 0) % step
        return (value - offset + step // 2) // step * step + offset
    if field.round:
        grain = Decimal(str(field.round))
        return float((Decimal(str(value)) / grain).to_integral_value(ROUND_HALF_UP) * grain)
    return value


def _schema(field: Field) -> dict[str, Any]:
    whole = field.type == "INT"
    limits = {"minimum": field.min, "maximum": field.max, "default": field.default}
    known = {name: value for name, value in limits.items() if value is not None}
    steps = {"multipleOf": field.step} if whole and field.step and not (field.min or 0) else {}
    return {"type": "integer" if whole else "number"} | known | steps


def _fit(candidate: Candidate) -> Fit:
    return Fit.TYPE if candidate.type in _TYPES and not _slides(candidate) else Fit.NO


def _slider_fit(candidate: Candidate) -> Fit:
    return Fit.TYPE if candidate.type in _TYPES and _slides(candidate) else Fit.NO


def _slides(candidate: Candidate) -> bool:
    """Return whether a number is set by dragging: its limits are close, or the node's author wants
    a slider or a knob, or the node shows a camera that is turned by dragging."""
    limits = candidate.limits
    if limits.min is None or limits.max is None or candidate.is_seed:
        return False
    inputs = candidate.node_spec.inputs if candidate.node_spec else ()
    return (
        limits.can_slide
        or candidate.display_option in _SLIDERS
        or any(spec.type == "CAMERA_ANGLE_VIEW" for spec in inputs)
    )


_NUMBER = FieldKind(
    name="number",
    check=_check,
    schema=_schema,
    several=Several.NUMBERS,
    several_help=message(
        "Separate values with commas. {example} stands for 1, 4, 7, 10.", example="1..10:3"
    ),
    fits=_fit,
    input_types=_TYPES,
)
KINDS = (_NUMBER, replace(_NUMBER, name="slider", fits=_slider_fit))
