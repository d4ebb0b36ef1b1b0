"""A part of an image, in pixels."""

from __future__ import annotations

from typing import Any

from comfy.base.messages import message
from comfy.form.candidates import Candidate
from comfy.form.model import Field, FieldKind, Fit, Several
from comfy.prompt.shapes import read_box
from comfy.prompt.value_types import BadValue


def _check(field: Field, value: object) -> object:
    box = read_box(value)
    return field.default if box == read_box(field.default) else box.value


def _schema(_: Field) -> dict[str, Any]:
    parts = ("x", "y", "width", "height")
    return {"type": "object", "properties": {name: {"type": "integer"} for name in parts}}


def _to_json(value: object) -> object:
    """Return a list of four numbers. A user's invalid value is returned unchanged."""
    try:
        return [*read_box(value)]
    except BadValue:
        return value


def _fit(candidate: Candidate) -> Fit:
    is_box = candidate.type == "BOUNDING_BOX" and candidate.is_readable(read_box)
    return Fit.TYPE if is_box else Fit.NO


KINDS = (
    FieldKind(
        name="box",
        check=_check,
        schema=_schema,
        several=Several.LINES,
        several_help=message(
            "One box per line: X, Y, width and height, such as {example}.",
            example="0, 0, 512, 256",
        ),
        fits=_fit,
        input_types=frozenset({"BOUNDING_BOX"}),
        to_json=_to_json,
        is_main=True,
    ),
)
