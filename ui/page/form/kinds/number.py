"""Number boxes and sliders."""

from __future__ import annotations

from typing import Any

import gradio as gr

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.documents.browser_values import has_long_numbers
from ui.gradio.internals import without_preprocess
from ui.page.form.kinds.view import Control, FieldView, box_text, help_text, options_of


def _number(field: Field, value: Any, scope: str) -> Control:
    if has_long_numbers(field):
        return Control(
            field,
            (gr.Textbox(box_text(value), info=help_text(field), **options_of(field, scope)),),
            show=_shown_as_text,
        )
    number = gr.Number(
        value, step=field.step or 1, info=help_text(field), **options_of(field, scope)
    )
    return Control(field, (number,), show=lambda shown: (shown,))


def _slider(field: Field, value: Any, scope: str) -> Control:
    low, high = field.min or 0, field.max if field.max is not None else 100
    step, classes = field.step, ""
    if field.slide:
        # The class lets the page's script keep a typed number beyond the ends.
        shown = field.slide.covering(value, field.min, field.max)
        low, high, step, classes = shown.low, shown.high, shown.step, "slides-beyond"
    slider = gr.Slider(
        low,
        high,
        value,
        step=step,
        info=help_text(field),
        buttons=[],
        **options_of(field, scope) | {"elem_classes": classes or None},
    )
    return Control(field, (without_preprocess(slider),))


def _shown_as_text(value: object) -> tuple[str]:
    return (box_text(value),)


VIEWS = (
    FieldView(KINDS["number"], _number, component="Number"),
    FieldView(KINDS["slider"], _slider, component="Slider"),
)
