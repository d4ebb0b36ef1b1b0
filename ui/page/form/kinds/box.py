"""A box to draw on the form's image, above its four numbers."""

from __future__ import annotations

import html
import json

import gradio as gr

from comfy.base.messages import message
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from comfy.prompt.shapes import read_box
from comfy.prompt.value_types import BadValue
from ui.page.form.kinds.view import Control, FieldView, help_text, options_of
from ui.page.script_files import calls

_LEAST_AREA = 512  # pixels
_BOX = ("X", "Y", message("Width"), message("Height"))


def _box(field: Field, value: object, scope: str) -> Control:
    common = options_of(field, scope)
    title = html.escape(str(common["label"]))
    info = html.escape(help_text(field) or "")
    with gr.Column(elem_id=common["elem_id"], elem_classes="box-field"):
        gr.HTML(f"<h4>{title}</h4><p>{info}</p>" if info else f"<h4>{title}</h4>")
        gr.HTML(
            elem_classes="box-drawing",
            js_on_load=calls(
                "fields/box_drawing.js",
                f"mountBox(element, {json.dumps(common['elem_id'])}, {json.dumps(_area(field))})",
            ),
        )
        with gr.Row():
            numbers = [
                gr.Number(
                    part,
                    label=label,
                    precision=0,
                    min_width=60,
                    key=f"{common['key']}/{label}",
                    interactive=True,
                )
                for label, part in zip(_BOX, _numbers(value), strict=True)
            ]
    return Control(field, tuple(numbers), show=_numbers)


def _area(field: Field) -> list[int]:
    """Return the size of the area to draw on without an image: the author's box fits into it."""
    x, y, width, height = (number or 0 for number in _numbers(field.default))
    return [max(x + width, _LEAST_AREA), max(y + height, _LEAST_AREA)]


def _numbers(value: object) -> tuple[int | None, ...]:
    try:
        return read_box(value)
    except BadValue:  # keep the value unchanged; submitting the form reports errors
        parts = value if isinstance(value, list) and len(value) == len(_BOX) else [None] * len(_BOX)
        return tuple(parts)


VIEWS = (FieldView(KINDS["box"], _box, browser="box"),)
