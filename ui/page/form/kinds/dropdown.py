"""Lists of choices."""

from __future__ import annotations

from typing import Any

import gradio as gr

from comfy.base.messages import message
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.gradio.internals import without_preprocess
from ui.page.form.kinds.view import Control, FieldView, help_text, options_of


def _dropdown(field: Field, value: Any, scope: str) -> Control:
    dropdown = gr.Dropdown(
        choices_of(field, value),
        value=value,
        info=help_text(field),
        filterable=True,
        **options_of(field, scope),
    )
    return Control(field, (without_preprocess(dropdown),))


def choices_of(field: Field, value: object) -> list[tuple[str, Any]]:
    """Return a dropdown's choices. A value that the server doesn't offer stays in the list, marked
    as unavailable."""
    choices = list(field.choices or ())
    if value is not None and all(choice != value for _, choice in choices):
        choices.append((message("Not available: {choice}", choice=value), value))
    return choices


VIEWS = (FieldView(KINDS["dropdown"], _dropdown, component="Dropdown"),)
