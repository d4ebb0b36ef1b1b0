"""Seeds: integers that are drawn for each run unless a user sets them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from comfy.base.messages import message
from comfy.form.candidates import Candidate
from comfy.form.kinds.number import within_limits
from comfy.form.model import Field, FieldKind, Fit, Several
from comfy.form.seeds import CountUp


def _check(field: Field, value: object) -> int | float | CountUp | None:
    if isinstance(value, CountUp):
        last = int(within_limits(field, value.last))
        return replace(value, last=last, step=field.counts or value.step)
    empty = value is None or (isinstance(value, str) and not value.strip())
    return None if empty else within_limits(field, value)


def _schema(field: Field) -> dict[str, Any]:
    """Return a schema that also allows digits as text, for programs whose numbers can't hold every
    seed."""
    limits = {"minimum": field.min, "maximum": field.max}
    known = {name: value for name, value in limits.items() if value is not None}
    return {"anyOf": [{"type": "integer"} | known, {"type": "string"}, {"type": "null"}]}


def _fit(candidate: Candidate) -> Fit:
    return Fit.DECLARED if candidate.is_seed else Fit.NO


KINDS = (
    FieldKind(
        name="seed",
        check=_check,
        schema=_schema,
        several=Several.SEEDS,
        several_help=message(
            "Separate seeds with commas. {example} stands for 1, 2, 3, 4.", example="1..4"
        ),
        fits=_fit,
        input_types=frozenset({"INT"}),
    ),
)
