"""Several values for fields of a form: which of them take several, and what starts such a batch.

The dialog is the script's (`ui/page/script/vary/dialog.js`). It is told the form's fields, asks
`/batches/check` what would be run, and presses a button here, which gives the form's own values and
what is varied to the app, as Generate does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from comfy.base.errors import ComfyError, ManyProblems
from comfy.base.messages import message, sentences
from comfy.form.fill import is_drawn
from comfy.form.model import Field, Form
from comfy.launch.start import FieldErrors
from comfy.workflow.config import Widget
from ui.documents.browser_values import kept
from ui.files.batch_files import batch_of
from ui.gradio.event_options import AT_ONCE
from ui.page.form.controls import Control
from ui.page.form.seeds import typed_first
from ui.page.form.text_sources import text_sources_in
from ui.page.script_files import calls, listener
from ui.services import Services
from ui.web.responses import json_text
from ui.web.shares import where

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


@dataclass(frozen=True, slots=True)
class BatchStart:
    """What the script starts a batch with: a button that it presses, what is varied and where texts
    came from, and what became of it."""

    press: gr.Button
    spec: gr.JSON
    answer: gr.JSON


def draw_start() -> BatchStart:
    """None of it is seen."""
    return BatchStart(
        gr.Button("", visible="hidden", elem_id="start-batch"),
        gr.JSON(visible=False),
        gr.JSON(visible=False),
    )


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


def bind_batch(
    services: Services,
    name: str,
    controls: tuple[Control, ...],
    used: gr.JSON,
    start: BatchStart,
    owner: Callable[[gr.Request], str],
) -> None:
    """Let the script's press start a batch with what the form of the workflow `name` holds. `used`:
    as `draw_used` has them."""

    def press(
        request: gr.Request, told: Mapping[str, object], known: object, *values: Any
    ) -> dict[str, Any]:
        person = owner(request)
        files = services.copies.files_of(person)
        parts = iter(values)
        held = {
            control.field.key: files.taken(
                control.read(*(next(parts) for _ in control.components)), control.field
            )
            for control in controls
        }
        given = typed_first(held, known)
        try:
            _, form = services.forms.form(name, person, given)
            batch = services.batches.start(
                name,
                given,
                batch_of(told.get("spec"), form, files),
                person,
                where(request, person),
                text_sources=text_sources_in(told.get("text_sources")),
            )
        except FieldErrors as problem:
            return {"batch": "", "problems": list(problem.labelled.values())}
        except ManyProblems as problem:
            return {"batch": "", "problems": list(problem.problems)}
        except ComfyError as problem:
            return {"batch": "", "problems": [sentences(str(problem), problem.hint)]}
        return {"batch": batch.id, "problems": []}

    components = [component for control in controls for component in control.components]
    started = start.press.click(
        press,
        [start.spec, used, *components],
        start.answer,
        js=listener("vary/start.js", "withSpec(values)", "...values"),
        **AT_ONCE,
    )
    started.success(
        None,
        start.answer,
        None,
        js=listener("vary/start.js", "batchAnswered(answer)", "answer"),
        api_visibility="private",
    )
