"""Fields of a form that take several values, for the dialog `ui/page/script/vary/dialog.js`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from comfy.base.messages import message
from comfy.form.fill import is_drawn
from comfy.form.model import Field, Form
from ui.documents.browser_values import kept
from ui.page.script_files import calls
from ui.web.responses import json_text

_MOST_CHOICES = 300  # longer lists are typed: the page would contain them twice
_WILDCARDS = message("One prompt per line. {example} tries both.", example="{red|green}")


def draw_varied(name: str, form: Form) -> None:
    """Pass the fields of the workflow `name` that take several values to the script, in the form's
    order."""
    fields = [varied_field(form, field) for field in form.fields if takes_several(field)]
    gr.HTML(
        elem_id="varied",
        js_on_load=calls("batches/given.js", f"setFields({json_text(fields)}, {json_text(name)})"),
    )


def takes_several(field: Field) -> bool:
    """Return whether each run of a batch can have its own value."""
    return field.group != "hidden"


def varied_field(form: Form, field: Field) -> dict[str, Any]:
    """Return a field in the format that `batches/spec.js` reads."""
    choices: Sequence[tuple[str, object]] = field.kind.choices or field.choices or ()
    wildcards = is_drawn(form, field)
    is_long = len(choices) > _MOST_CHOICES
    return {
        "key": field.key,
        "label": field.label,
        "several": field.kind.several,
        "help": _WILDCARDS if wildcards else field.kind.several_help,
        "choices": [] if is_long else [[label, str(kept(value))] for label, value in choices],
        "long": is_long,
        "wildcards": wildcards,
        "accept": f"{field.media}/*" if field.media else "",
        "advanced": field.group == "advanced",
    }
