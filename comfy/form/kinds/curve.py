"""A curve through points."""

from __future__ import annotations

from typing import Any

from comfy.base.messages import message
from comfy.form.candidates import Candidate
from comfy.form.model import Field, FieldKind, Fit, Several
from comfy.prompt.shapes import drawn, read_points
from comfy.prompt.value_types import BadValue


def _check(field: Field, value: object) -> object:
    points = read_points(value)
    return field.default if points == read_points(field.default) else drawn(field.default, points)


def _schema(_: Field) -> dict[str, Any]:
    return {}


def _to_json(value: object) -> object:
    """Return a list of points. A user's invalid value is returned unchanged."""
    try:
        return [*read_points(value)]
    except BadValue:
        return value


def _fit(candidate: Candidate) -> Fit:
    is_curve = candidate.type == "CURVE" and candidate.is_readable(read_points)
    return Fit.TYPE if is_curve else Fit.NO


KINDS = (
    FieldKind(
        name="curve",
        check=_check,
        schema=_schema,
        several=Several.LINES,
        several_help=message(
            "One curve per line: X and Y of each point, such as {example}.",
            example="0 0, 0.5 0.2, 1 1",
        ),
        fits=_fit,
        input_types=frozenset({"CURVE"}),
        to_json=_to_json,
        is_main=True,
    ),
)
