"""Radio buttons."""

from __future__ import annotations

from typing import Any

import gradio as gr

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.gradio.internals import without_preprocess
from ui.page.form.kinds.dropdown import choices_of
from ui.page.form.kinds.view import Control, FieldView, help_text, options_of


def _radio(field: Field, value: Any, scope: str) -> Control:
    radio = gr.Radio(
        choices_of(field, value), value=value, info=help_text(field), **options_of(field, scope)
    )
    return Control(field, (without_preprocess(radio),))


VIEWS = (FieldView(KINDS["radio"], _radio, component="Radio"),)
