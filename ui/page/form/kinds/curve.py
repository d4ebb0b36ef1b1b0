"""Curves: a line with points to drag, and their numbers.

The script (`ui/page/script/fields/curve_editor.js`) draws them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from comfy.prompt.shapes import read_points, unwrapped
from comfy.prompt.value_types import BadValue
from ui.page.form.kinds.view import Control, FieldView, help_text, options_of
from ui.page.form.list_editor import ListEditor


def _curve(field: Field, value: object, scope: str) -> Control:
    options = options_of(field, scope)
    given = {
        "label": options["label"],
        "help": help_text(field) or "",
        "straight": _is_straight(field.default),
    }
    editor = ListEditor(_rows(value), name="curve_editor", given=given, **options)
    return Control(field, (editor,), show=lambda shown: (_rows(shown),))


def _rows(value: object) -> list[Any]:
    """Return the points. A value that can't be read is shown as typed."""
    try:
        return [list(point) for point in read_points(value)]
    except BadValue:
        return list(value) if isinstance(value, list) else []


def _is_straight(curve: object) -> bool:
    """Return whether the author's curve joins its points by straight lines."""
    inner = unwrapped(curve)
    return isinstance(inner, Mapping) and inner.get("interpolation") == "linear"


VIEWS = (FieldView(KINDS["curve"], _curve, browser="table"),)
