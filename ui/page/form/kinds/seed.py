"""Seed as text, beside the mode that changes it from run to run."""

from __future__ import annotations

import gradio as gr

from comfy.base.messages import message
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.documents.browser_values import COUNTING, FIXED, RANDOM, seed_parts
from ui.page.form.kinds.view import Control, FieldView, help_text, options_of

LOCKED_MODES = [(message("Random"), RANDOM), (message("Fixed"), FIXED)]
_UP, _DOWN = message("Increment"), message("Decrement")


def _seed(field: Field, value: object, scope: str) -> Control:
    text, mode = seed_parts(value)
    with gr.Row(elem_classes="seed"):
        seed = gr.Textbox(
            text, info=help_text(field), scale=3, min_width=120, **options_of(field, scope)
        )
        modes = gr.Radio(
            [*LOCKED_MODES, (_DOWN if field.counts < 0 else _UP, COUNTING)],
            value=mode,
            label=message("{field} mode", field=field.label),
            show_label=False,
            container=False,
            min_width=120,
            elem_classes="seed-mode",
            key=f"{scope}/{field.key}/mode",
            interactive=True,
        )

    return Control(field, (seed, modes), show=seed_parts)


VIEWS = (FieldView(KINDS["seed"], _seed, browser="seed", component="Number"),)
