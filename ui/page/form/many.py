"""Field for the number of images per run. The page shows it beside Generate, together with the
number of runs, in place of a main field."""

from __future__ import annotations

import gradio as gr

from comfy.form.model import Field, Form
from ui.languages.current import translated
from ui.page.form.heading import made_kind
from ui.page.form.kinds.view import element_id
from ui.page.script_files import calls
from ui.web.responses import json_text


def images_field(form: Form) -> Field | None:
    """Return the main field that sets the number of images per run, if there is exactly one. In
    workflows that don't make images, it counts something else, such as frames."""
    if made_kind(form) != "image":
        return None
    counts = [field for field in form.fields if field.role == "count" and field.group == "main"]
    return counts[0] if len(counts) == 1 and counts[0].is_number else None


def tell_images(field: Field | None) -> None:
    """Pass the field to the script, or None if this form has none."""
    given = field and {
        "key": field.key,
        "id": element_id(field),
        "label": translated(field.label),
        "help": translated(field.tooltip),
        "least": field.min or 1,
        "most": field.max,
    }
    gr.HTML(
        elem_classes="unseen",
        js_on_load=calls("making/many.js", f"setImages({json_text(given)})"),
    )
