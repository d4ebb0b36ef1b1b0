"""A color, as text or as a number."""

from __future__ import annotations

import re
from contextlib import suppress

from comfy.base.messages import message
from comfy.form.candidates import Candidate
from comfy.form.kinds.text import text_schema
from comfy.form.model import Field, FieldKind, Fit, Several
from comfy.prompt.value_types import BadValue, read_color, read_value

_WITH_ALPHA = re.compile("#[0-9a-fA-F]{8}")


def color_text(value: object) -> str | None:
    """Return a color in the form `#rrggbb`, None for anything else."""
    try:
        return read_color(value)
    except BadValue:
        return None


def _check(field: Field, value: object) -> int | str:
    """Return a number or "#rrggbb", depending on the server's type. The author's own notation is
    kept. If it is "#rrggbbaa", a color has transparency too: its own, otherwise the author's."""
    if field.type == "INT" and isinstance(value, str) and value.strip().isdecimal():
        value = read_value("INT", value)
    color, before = read_color(value), _alpha(field.default)
    alpha = before and (_alpha(value) or before)
    with suppress(BadValue):
        if color == read_color(field.default) and alpha == before:
            own: int | str = field.default
            return own
    return int(color[1:], 16) if field.type == "INT" else color + alpha


def _alpha(value: object) -> str:
    """Return the transparency of "#rrggbbaa" as two digits, "" for any other value."""
    text = value.strip() if isinstance(value, str) else ""
    return text[-2:] if _WITH_ALPHA.fullmatch(text) else ""


def _fit(candidate: Candidate) -> Fit:
    """Return DECLARED for a color input. A text that the picker couldn't show stays a text."""
    is_color_option = candidate.display_option == "color" and candidate.type in ("INT", "STRING")
    if candidate.is_seed or not (candidate.type == "COLOR" or is_color_option):
        return Fit.NO
    return Fit.DECLARED if candidate.is_readable(read_color) else Fit.NO


KINDS = (
    FieldKind(
        name="color",
        check=_check,
        schema=text_schema,
        several=Several.LIST,
        several_help=message("Separate values with commas."),
        fits=_fit,
        input_types=frozenset({"INT", "STRING", "COLOR"}),
        to_json=color_text,
    ),
)
