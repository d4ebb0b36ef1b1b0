"""Text boxes."""

from __future__ import annotations

import gradio as gr

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.page.form.kinds.view import Control, FieldView, box_text, help_text, options_of

_LINES = 3


def _text(field: Field, value: object, scope: str) -> Control:
    options = options_of(field, scope)
    box = gr.Textbox(box_text(value), lines=1, max_lines=1, info=help_text(field), **options)
    return Control(field, (box,))


def _textarea(field: Field, value: object, scope: str) -> Control:
    is_prompt = field.role == "prompt" and field.group == "main"
    lines = _LINES if field.height is None else min(30, max(2, round(field.height / 24)))
    box = gr.Textbox(
        box_text(value),
        lines=lines,
        max_lines=max(8, lines),
        info=help_text(field),
        **options_of(field, scope)
        | {"elem_classes": ["takes-text", *(["prompt"] if is_prompt else [])]},
    )
    return Control(field, (box,))


VIEWS = (
    FieldView(KINDS["text"], _text, component="Textbox"),
    FieldView(KINDS["textarea"], _textarea, component="Textbox"),
)
