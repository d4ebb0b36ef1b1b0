"""Color pickers."""

from __future__ import annotations

import gradio as gr

from comfy.form.kinds.color import color_text
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.page.form.kinds.view import Control, FieldView, help_text, options_of


def _color(field: Field, value: object, scope: str) -> Control:
    picker = gr.ColorPicker(color_text(value), info=help_text(field), **options_of(field, scope))
    return Control(field, (picker,), show=lambda shown: (color_text(shown),))


VIEWS = (FieldView(KINDS["color"], _color, component="ColorPicker"),)
