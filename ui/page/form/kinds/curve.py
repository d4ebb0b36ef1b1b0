"""Curves: a line with points to drag, and their numbers.

The script (`ui/page/script/fields/curve_editor.js`) draws them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from comfy.prompt.shapes import read_points, unwrapped
from comfy.prompt.value_types import BadValue
from ui.gradio.internals import WithoutStub
from ui.page.form.kinds.view import Control, FieldView, help_text, options_of
from ui.page.script_files import mounts

_STYLES = Path(__file__).parents[2] / "styles" / "fields"


class CurveEditor(gr.HTML, metaclass=WithoutStub):
    """Component with the points of one curve. Value: a list of pairs; Gradio makes a copy without
    one when another field is reset. Event: `change`."""

    def __init__(self, value: list[Any] | None = None, *, field: Field, **options: Any) -> None:
        super().__init__(
            value,
            html_template='<div class="row-editor curve-editor"></div>',
            js_on_load=mounts(
                "fields/curve_editor.js",
                (),
                label=options["label"],
                help=help_text(field) or "",
                straight=_is_straight(field.default),
            ),
            css_template="".join(
                (_STYLES / name).read_text(encoding="utf-8")
                for name in ("row_editor.css", "curve_editor.css")
            ),
            apply_default_css=False,
            **options,
        )

    def preprocess(self, payload: object) -> object:  # type: ignore[override]
        """Return the points unchanged; the form checks them."""
        return payload

    def postprocess(self, value: object) -> object:  # type: ignore[override]
        """Return the points unchanged."""
        return value

    def api_info(self) -> dict[str, Any]:
        """Return the schema that Gradio requires of every component; scripts don't see this one."""
        return {"type": "array"}


def _curve(field: Field, value: object, scope: str) -> Control:
    editor = CurveEditor(_rows(value), field=field, **options_of(field, scope))
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
