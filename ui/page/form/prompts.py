"""Negative prompt: a field that is folded below the prompt unless a user has filled it."""

from __future__ import annotations

import html
from collections.abc import Collection

import gradio as gr

from comfy.form.model import Field
from ui.languages.current import html_of
from ui.page.form.controls import build_control
from ui.page.form.kinds.view import Control, box_text, element_id
from ui.page.script_files import calls
from ui.web.responses import json_text


def draw_negative(field: Field, value: object, scope: str, unfolded: Collection[str]) -> Control:
    """Draw the field below a button that folds it and previews its text. It starts open if its
    value isn't the author's, or if it was open before."""
    field_id = element_id(field)
    fold_id = f"fold-{field_id}"
    is_open = fold_id in unfolded or box_text(value) != box_text(field.default)
    expanded = "true" if is_open else "false"
    head = (
        f'<button type="button" class="fold" aria-expanded="{expanded}" aria-controls="{field_id}">'
        f'<span class="name">{html_of(field.label)}</span> '
        f'<span class="preview">{html.escape(box_text(value)[:200])}</span></button>'
    )
    with gr.Column(elem_classes="negative", elem_id=fold_id):
        gr.HTML(
            head,
            js_on_load=calls("making/negative.js", f"mountFold(element, {json_text(field.key)})"),
        )
        return build_control(field, value, scope)
