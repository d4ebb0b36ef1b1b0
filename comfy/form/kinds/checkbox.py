"""Checkboxes: yes or no."""

from __future__ import annotations

from typing import Any

from comfy.base.messages import message
from comfy.form.candidates import Candidate
from comfy.form.model import Field, FieldKind, Fit, Several
from comfy.prompt.value_types import read_bool


def _check(_: Field, value: object) -> bool:
    return read_bool(value)


def _schema(field: Field) -> dict[str, Any]:
    return {"type": "boolean", "default": field.default}


def _fit(candidate: Candidate) -> Fit:
    return Fit.TYPE if candidate.type == "BOOLEAN" else Fit.NO


KINDS = (
    FieldKind(
        name="checkbox",
        check=_check,
        schema=_schema,
        several=Several.CHOICES,
        several_help=message("Separate values with commas."),
        choices=((message("Yes"), "true"), (message("No"), "false")),
        fits=_fit,
        input_types=frozenset({"BOOLEAN"}),
    ),
)
