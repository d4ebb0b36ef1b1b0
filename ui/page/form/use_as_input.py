"""Use of a result as a file of the form: the visible one, or one that the user drags onto a
field."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gradio as gr
from gradio.components import Component

from comfy.base.errors import RunNotFound
from comfy.form.model import first_taker
from comfy.launch.uploads import Refused
from comfy.records.record import Record
from comfy.runs.interface import RunRegistry
from ui.documents.headlines import NO_RESULT
from ui.files.references import FieldResults
from ui.gradio.event_options import QUIET
from ui.gradio.internals import root_of
from ui.page.form.kinds.view import Control, element_id
from ui.page.form.sources import FormSources
from ui.page.stage import Refusal, Stage


def bind_use(
    sources: FormSources,
    controls: tuple[Control, ...],
    stage: Stage,
    owner: Callable[[gr.Request], str],
) -> None:
    """Let a result become the file of the field that the page names, or of the first field that
    takes its kind. A field that doesn't take it stays unchanged and shows an error."""
    takers = {element_id(one.field): one for one in controls if one.field.is_media}

    def as_input(wanted: gr.EventData, request: gr.Request) -> dict[Component, Any]:
        run, index = getattr(wanted, "run", ""), getattr(wanted, "at", None)
        record = _own_record(sources.runs, run, owner(request))
        if record is None or not isinstance(index, int):
            return {stage: Refusal(NO_RESULT)}
        taker = takers.get(str(getattr(wanted, "field", ""))) or _first(takers, record, index)
        if taker is None:
            return {stage: Refusal(NO_RESULT)}
        field, root = taker.field, root_of(request)
        file_id = FieldResults(sources.copies, root).place(record, index, field)
        value: object = file_id
        if isinstance(file_id, str):
            value = sources.copies.files_of(record.owner, root).shown(file_id, field)
        match value:
            case dict():
                return {taker.components[0]: value}
            case Refused(why):
                return {stage: Refusal(errors={field.key: why})}
        return {stage: Refusal(NO_RESULT)}

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
