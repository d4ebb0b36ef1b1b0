"""A table of points."""

from __future__ import annotations

from typing import Any

import gradio as gr

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from comfy.prompt.shapes import read_points
from comfy.prompt.value_types import BadValue
from ui.page.form.kinds.view import Control, FieldView, options_of

_ROWS = 5  # at least


def _curve(field: Field, value: object, scope: str) -> Control:
    table = gr.Dataframe(
        _rows(value),
        headers=["X", "Y"],
        datatype="number",
        type="array",
        column_count=2,
        buttons=[],
        **options_of(field, scope) | {"elem_classes": "curve-field"},
    )
    return Control(field, (table,), show=lambda shown: (_rows(shown),))


def _rows(value: object) -> list[Any]:
    """Return the points, and empty rows for more."""
    try:
        points: list[Any] = [list(point) for point in read_points(value)]
    except BadValue:  # shown as typed
        return list(value) if isinstance(value, list) else []
    return points + [[None, None]] * max(1, _ROWS - len(points))


VIEWS = (FieldView(KINDS["curve"], _curve, browser="table"),)
