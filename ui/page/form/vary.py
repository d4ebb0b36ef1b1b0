"""The fields of a form that take several values, for the dialog `ui/page/script/vary/dialog.js`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from comfy.base.messages import message
from comfy.form.fill import is_drawn
from comfy.form.model import Field, Form
from comfy.workflow.config import Widget
from ui.documents.browser_values import kept
from ui.page.script_files import calls
from ui.web.responses import json_text

_MOST_CHOICES = 300  # more are typed: the page would carry them twice
# How several values are filled in.
_KINDS: Mapping[Widget, str] = {
    "text": "text",
    "textarea": "text",
    "number": "number",
    "slider": "number",
    "seed": "seed",
    "dropdown": "choice",
    "checkbox": "choice",
    "color": "color",
    "box": "box",
    "curve": "curve",
    "image": "files",
    "mask": "files",
    "video": "files",
    "audio": "files",
    "file": "files",
}
_ACCEPT: Mapping[Widget, str] = {
    "image": "image/*",
    "mask": "image/*",
    "video": "video/*",
    "audio": "audio/*",
}


def draw_varied(name: str, form: Form) -> None:
    """Tell the script which fields of the workflow `name` take several values, in the order of the
    form."""
    fields = [varied_field(form, field) for field in form.fields if takes_several(field)]
    gr.HTML(
        elem_id="varied",
        js_on_load=calls("batches/given.js", f"setFields({json_text(fields)}, {json_text(name)})"),
    )


def takes_several(field: Field) -> bool:
    """Whether a field that people see can have a value for each run."""
    return field.group != "hidden"


def varied_field(form: Form, field: Field) -> dict[str, Any]:
    """A field as `batches/spec.js` knows it."""
    choices: list[tuple[str, object]] = list(field.choices or ())
    if field.widget == "checkbox":
        choices = [(message("Yes"), "true"), (message("No"), "false")]
    is_long = len(choices) > _MOST_CHOICES
    return {
        "key": field.key,
        "label": field.label,
        "kind": _KINDS[field.widget],
        "choices": [] if is_long else [[label, str(kept(value))] for label, value in choices],
        "long": is_long,
        "wildcards": is_drawn(form, field),
        "accept": _ACCEPT.get(field.widget, ""),
        "advanced": field.group == "advanced",
    }
