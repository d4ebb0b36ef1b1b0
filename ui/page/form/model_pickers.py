"""Pickers of models: a button beside each list of model files. The script `ui/page/script/models`
draws both; the lists keep the values."""

from __future__ import annotations

from collections.abc import Iterable

import gradio as gr

from comfy.form.model import Field
from comfy.model_files.server import lists_files
from ui.page.form.kinds.view import Control
from ui.page.script_files import calls, listener
from ui.web.responses import json_text


def _offers_models(field: Field) -> bool:
    """Return whether a list of choices shows model files."""
    return field.widget == "dropdown" and lists_files([value for _, value in field.choices or ()])


def draw_model_pickers(name: str, controls: Iterable[Control]) -> None:
    """Draw the pickers of the form of the workflow or chain `name`."""
    controls = tuple(controls)
    lists = [one for one in controls if _offers_models(one.field)]
    prompt = next((one.field.key for one in controls if one.field.role == "prompt"), "")
    fields = json_text([{"key": one.field.key, "label": one.field.label} for one in lists])
    gr.HTML(
        elem_id="model-pickers",
        js_on_load=calls(
            "models/fields.js",
            f"mountPickers({json_text(name)}, {fields}, {json_text(prompt)})",
        ),
    )
    if not lists:
        return
    choose = gr.Button("", elem_id="choose-model", visible="hidden")
    components = [one.components[0] for one in lists]
    keys = json_text([one.field.key for one in lists])
    choose.click(
        None,
        components,
        components,
        js=listener("models/fields.js", f"withChosen({keys}, values)", "...values"),
        api_visibility="private",
    )
