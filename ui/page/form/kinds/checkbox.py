"""Checkboxes."""

from __future__ import annotations

import gradio as gr

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.page.form.kinds.view import Control, FieldView, help_text, options_of


def _checkbox(field: Field, value: object, scope: str) -> Control:
    return Control(
        field, (gr.Checkbox(bool(value), info=help_text(field), **options_of(field, scope)),)
    )


VIEWS = (FieldView(KINDS["checkbox"], _checkbox, component="Checkbox"),)
