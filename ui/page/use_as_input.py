"""What is seen on the stage as a file of the form: each kind goes into a field that takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import gradio as gr
from gradio.components import Component

from comfy.errors import RunNotFound
from comfy.form.model import Field
from comfy.protocol.outputs import FileKind
from comfy.records.record import Record
from comfy.runs.interface import RunRegistry
from comfy.services.uploads import Refused
from comfy.workflow.config import Widget
from ui.page.controls import Control
from ui.page.event_options import QUIET
from ui.page.stage import Refusal, Selection, Stage
from ui.services import Services
from ui.view.run_view import NO_RESULT
from ui.web.gradio_internals import root_of

# The fields that take a kind of result, those made for it first. The file itself is judged when it
# is taken.
_TAKEN_BY: Mapping[FileKind, tuple[Widget, ...]] = {
    "image": ("image", "mask", "file"),
    "video": ("video", "file"),
    "audio": ("audio", "file"),
    "3d": ("file",),
    "file": ("file",),
}


def taken_kinds(fields: Iterable[Field]) -> list[str]:
    """The kinds of results that one of these fields takes, as the page's script asks for them."""
    widgets = {field.widget for field in fields if field.group != "hidden"}
    return [kind for kind, takers in _TAKEN_BY.items() if not widgets.isdisjoint(takers)]


def bind_use(
    services: Services,
    controls: tuple[Control, ...],
    stage: Stage,
    owner: Callable[[gr.Request], str],
) -> None:
    """Let the result that is seen become the file of the form's first field that takes its kind."""
    takers = {kind: taker for kind in _TAKEN_BY if (taker := _first_taker(controls, kind))}

    def as_input(seen: Selection | None, request: gr.Request) -> dict[Component, Any]:
        record = _own_record(services.runs, seen, owner(request))
        files = record.state.files if record else ()
        file = files[seen.at] if seen and 0 <= seen.at < len(files) else None
        taker = takers.get(file.kind) if file else None
        if record is None or seen is None or taker is None:
            return {stage: Refusal(NO_RESULT)}
        mine, field = services.copies.files_of(record.owner, root_of(request)), taker.field
        match mine.shown(services.copies.of_result(record, seen.at), field):
            case dict() as value:
                return {taker.components[0]: value}
            case Refused(why):
                return {stage: Refusal(errors={field.key: f"{field.label} {why}"})}
        return {stage: Refusal(NO_RESULT)}

    if takers:
        components = dict.fromkeys(taker.components[0] for taker in takers.values())
        stage.use(as_input, stage, [*components, stage], **QUIET)


def _first_taker(controls: tuple[Control, ...], kind: FileKind) -> Control | None:
    by_widget = {control.field.widget: control for control in reversed(controls)}
    return next((by_widget[widget] for widget in _TAKEN_BY[kind] if widget in by_widget), None)


def _own_record(runs: RunRegistry, seen: Selection | None, owner: str) -> Record | None:
    """The person's own run that the page names, or None where it is gone or is not theirs."""
    with suppress(RunNotFound):
        return runs.record(seen.run, owner) if seen else None
    return None
