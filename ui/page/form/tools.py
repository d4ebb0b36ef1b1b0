"""Tools of a form: the buttons behind its menu, results as input files, fields for *Try several
values…*, pickers of models, and the notice above a form whose runs use paid credits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import gradio as gr
from gradio.components import Component

from comfy.base.errors import NoApiKey, RunNotFound
from comfy.base.messages import message, sentences
from comfy.form.fill import is_drawn
from comfy.form.model import Field, Form, first_taker
from comfy.launch.payment import Payment, paid_work_of
from comfy.launch.uploads import Refused
from comfy.model_files.server import lists_files
from comfy.records.api_keys import KeySource
from comfy.records.record import Record
from comfy.runs.interface import RunRegistry
from ui.documents.browser_values import kept
from ui.documents.headlines import NO_RESULT
from ui.files.references import FieldResults
from ui.gradio.internals import QUIET, root_of
from ui.languages.current import html_of
from ui.page.form.first_values import FormSources, authors_value, choice_of
from ui.page.form.kinds.view import Control, accepted_files, element_id
from ui.page.script_files import calls, listener
from ui.page.stage import refusal
from ui.web.responses import json_text

_MOST_CHOICES = 300  # longer lists are typed: the page would contain them twice
_WILDCARDS = message("One prompt per line. {example} tries both.", example="{red|green}")
_PAID = message("Uses paid credits")
_ACCOUNT = message("Your account")
_OWN = message("Your comfy.org API key pays.")
_APP = message("The administrator's comfy.org API key pays.")


def draw_tools(
    sources: FormSources,
    name: str,
    opened: gr.JSON,
    controls: tuple[Control, ...],
    owner: Callable[[gr.Request], str],
    *,
    missing: bool,
) -> None:
    """Draw the hidden buttons that the form's menu presses: restore an author's value, and reload
    the model lists."""
    _draw_reset(sources, opened, controls, owner)
    if not missing and not any(control.field.is_choice for control in controls):
        return
    refresh = gr.Button("", elem_id="reload-models", visible="hidden")

    def read_again(wanted: dict[str, Any]) -> dict[str, Any]:
        sources.library.forms.catalog.get(refresh=True)
        return choice_of(name, wanted)

    refresh.click(read_again, opened, opened, js=listener("form/form.js", "wanted()"), **QUIET)


def _draw_reset(
    sources: FormSources,
    opened: gr.JSON,
    controls: tuple[Control, ...],
    owner: Callable[[gr.Request], str],
) -> None:
    """Draw the button by which the script restores the author's value of a field."""
    reset = gr.Button("", elem_id="reset-one", visible="hidden")

    def put_back(keys: list[str], request: gr.Request) -> dict[Component, Any]:
        files = sources.copies.files_of(owner(request), root_of(request))
        shown: dict[Component, Any] = {}
        for control in controls:
            if control.field.key in keys:
                value = authors_value(sources.copies, control.field, files)
                parts = control.show(None if isinstance(value, Refused) else value)
                shown |= dict(zip(control.components, parts, strict=True))
        return shown

    components = [component for control in controls for component in control.components]
    if not components:
        return
    reset.click(None, js=listener("form/reset.js", "rememberValues()"), api_visibility="private")
    reset.click(
        put_back, opened, components, js=listener("form/reset.js", "fieldsToReset()"), **QUIET
    )


def bind_use(
    sources: FormSources,
    controls: tuple[Control, ...],
    stage: gr.HTML,
    owner: Callable[[gr.Request], str],
) -> None:
    """Let a result become the file of the field that the page names, or of the first field that
    takes its kind. A field that doesn't take it stays unchanged and shows an error."""
    takers = {element_id(one.field): one for one in controls if one.field.is_media}

    def as_input(wanted: gr.EventData, request: gr.Request) -> dict[Component, Any]:
        run, index = getattr(wanted, "run", ""), getattr(wanted, "at", None)
        record = _own_record(sources.runs, run, owner(request))
        if record is None or not isinstance(index, int):
            return {stage: refusal(NO_RESULT)}
        taker = takers.get(str(getattr(wanted, "field", ""))) or _first(takers, record, index)
        if taker is None:
            return {stage: refusal(NO_RESULT)}
        field, root = taker.field, root_of(request)
        file_id = FieldResults(sources.copies, root).place(record, index, field)
        value: object = file_id
        if isinstance(file_id, str):
            value = sources.copies.files_of(record.owner, root).shown(file_id, field)
        match value:
            case dict():
                return {taker.components[0]: value}
            case Refused(why):
                return {stage: refusal(errors={field.key: why})}
        return {stage: refusal(NO_RESULT)}

    if takers:
        outputs = [*(taker.components[0] for taker in takers.values()), stage]
        stage.use(as_input, None, outputs, **QUIET)


def _first(takers: dict[str, Control], record: Record, at: int) -> Control | None:
    files = record.state.files
    fields = [taker.field for taker in takers.values()]
    field = first_taker(fields, files[at].kind) if 0 <= at < len(files) else None
    return takers[element_id(field)] if field else None


def _own_record(runs: RunRegistry, run: object, owner: str) -> Record | None:
    """Return the user's own run that the page names; None if it doesn't exist or belongs to another
    user."""
    with suppress(RunNotFound):
        return runs.record(run, owner) if isinstance(run, str) else None
    return None


def draw_varied(name: str, form: Form) -> None:
    """Pass the fields of the workflow `name` that take several values to the script, in the form's
    order, and each list of choices once."""
    fields = [varied_field(form, field) for field in form.fields if takes_several(field)]
    lists = {json_text(field["choices"]): field["choices"] for field in fields}
    numbers = {text: number for number, text in enumerate(lists)}
    for field in fields:
        field["choices"] = numbers[json_text(field["choices"])]
    given = ", ".join(map(json_text, (fields, [*lists.values()], name)))
    gr.HTML(elem_id="varied", js_on_load=calls("batches/given.js", f"setFields({given})"))


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
        "accept": accepted_files(field),
        "advanced": field.group == "advanced",
    }


def _offers_models(field: Field) -> bool:
    return field.widget == "dropdown" and lists_files([value for _, value in field.choices or ()])


def _lora_rows(field: Field) -> dict[str, Any] | None:
    """Return a list of LoRAs with a strength in the format of `models/lora_tags.js`."""
    columns = {one.key: one for one in field.columns if not one.optional}
    named = (key for key in columns if "lora" in key.lower())
    files = next((key for key in named if columns[key].is_choice), "")
    if not files or "strength" not in columns:
        return None
    return {
        "key": field.key,
        "column": files,
        "row": {key: kept(one.default) for key, one in columns.items()},
    }


def draw_model_pickers(name: str, controls: Iterable[Control]) -> None:
    """Draw the pickers of the form of the workflow or chain `name`."""
    controls = tuple(controls)
    lists = [one for one in controls if _offers_models(one.field)]
    prompt = next((one.field.key for one in controls if one.field.role == "prompt"), "")
    fields = [{"key": one.field.key, "label": one.field.label} for one in lists]
    loras = next((rows for one in controls if (rows := _lora_rows(one.field))), None)
    given = ", ".join(map(json_text, (name, fields, prompt, loras)))
    gr.HTML(
        elem_id="model-pickers",
        js_on_load=calls("models/fields.js", f"mountPickers({given})"),
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


def draw_paid_notice(
    forms: Iterable[Form], owner: str, payment: Payment, *, has_account: bool
) -> None:
    """Draw the notice if any of these forms uses paid credits: the prices of the author's values,
    and which key pays, or who can add one."""
    works = [paid_work_of(form) for form in forms]
    prices = list(dict.fromkeys(price for work in works for price in work.prices))
    if not prices:
        return
    source = payment.key_source(owner)
    items = "".join(f"<li>{html_of(price)}</li>" for price in prices)
    account = f'<p><a href="account">{html_of(_ACCOUNT)}</a></p>'
    gr.HTML(
        f'<div role="note"><strong>{html_of(_PAID)}</strong><ul>{items}</ul>'
        f"<p>{html_of(_payer(source, has_account=has_account))}</p>"
        f"{account if has_account and not source else ''}</div>",
        elem_classes="notice",
        elem_id="paid",
    )


def _payer(source: KeySource, *, has_account: bool) -> str:
    match source:
        case "own":
            return _OWN
        case "app":
            return _APP
    missing = NoApiKey(has_account=has_account)
    return sentences(str(missing), missing.hint)
