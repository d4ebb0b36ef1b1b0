"""Single-line and multiline texts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from comfy.base.messages import message
from comfy.form.candidates import Candidate
from comfy.form.model import Field, FieldKind, Fit, Several
from comfy.prompt.value_types import BadValue, read_text


def _check(field: Field, value: object) -> str:
    text = read_text(value)
    if field.required and not text.strip():
        raise BadValue(message("Enter some text."))
    return text


def text_schema(field: Field) -> dict[str, Any]:
    """Return the JSON Schema of a text with its default."""
    return {"type": "string", "default": field.default}


def _text_fit(candidate: Candidate) -> Fit:
    spec = candidate.spec
    if spec and spec.choices == () and "remote" in spec.options and not candidate.upload:
        return Fit.DECLARED  # an editor extension fills the list
    return Fit.TYPE if candidate.type == "STRING" and not candidate.multiline else Fit.FALLBACK


def _textarea_fit(candidate: Candidate) -> Fit:
    return Fit.TYPE if candidate.type == "STRING" and candidate.multiline else Fit.NO


def _as_shown(value: object) -> str | None:
    return None if value is None else str(value)


_TEXT = FieldKind(
    name="text",
    check=_check,
    schema=text_schema,
    several=Several.TEXTS,
    several_help=message("One text per line."),
    fits=_text_fit,
    input_types=frozenset({"STRING", "COLOR", "COMBO"}),
    to_json=_as_shown,
)
KINDS = (
    _TEXT,
    replace(
        _TEXT,
        name="textarea",
        fits=_textarea_fit,
        input_types=frozenset({"STRING"}),
        takes_texts=True,
    ),
)
