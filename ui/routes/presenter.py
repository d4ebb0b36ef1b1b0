"""Runs as the stage shows them to their owners, with the form and the files at the end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from comfy.base.errors import BatchNotFound, ComfyError, ServerUnreachable, WorkflowError
from comfy.base.messages import message
from comfy.chains.queue import ChainPart
from comfy.comfyui.protocol.run_state import Phase
from comfy.form.check import labelled_errors
from comfy.form.model import Form
from comfy.form.server_errors import field_of_node, place_errors
from comfy.records.lineage import Lineage, used_file, was_given
from comfy.records.record import Record
from comfy.runs.durations import RunTimes
from ui.documents.browser_values import value_text
from ui.documents.page_runs import RunEnd, stage_run
from ui.documents.past_run import past_run
from ui.documents.result_names import result_name
from ui.documents.run_doc import Caption, RunDoc, ShownFile, StageView
from ui.documents.run_values import seeds_among, written_text
from ui.routes.run_socket import Show
from ui.services import Services
from ui.web.urls import file_address, given_address, thumbnail_address, unpainted_address

_NOT_SHOWN = message("This drawing is not shown here, for safety: it may contain a script.")
_WATCHED = ("image", "video")
_MODEL_INPUTS = ("ckpt_name", "unet_name", "model_name")


def presenter(services: Services) -> Show:
    """Return the function that describes runs for the stage. It blocks for a run that has ended:
    the server may be asked for its nodes."""

    def view(record: Record, usual: RunTimes | None) -> RunDoc:
        now, phase = time.time(), record.state.phase
        if not phase.finished:
            waits = phase is Phase.WAITING
            due_in = services.runs.due_in().get(record.id) if waits else None
            return stage_run(record, now=now, usual=usual, due_in=due_in)
        end = run_end(services, record)
        keeping = services.runs.history is not None
        if keeping:
            end = replace(end, stage=_with_history(services, end.stage, record))
        return stage_run(record, end, now=now, keeping=keeping)

    return view


def _with_history(services: Services, stage: StageView, record: Record) -> StageView:
    """Return the end of a run with its place among its owner's other runs."""
    history = services.runs.history
    assert history is not None
    lineage = services.chain_forms.lineage(record)
    part = services.chains.part_of(record)
    if part is not None and part.chain in services.chain_forms.folder:
        stage = _with_chain(services, stage, record, part)
    return replace(
        stage,
        favourite=history.is_favourite(record.id, record.owner),
        made_from=tuple(past_run(one, used_file(record, one)) for one in lineage.made_from),
        used_for=tuple(map(past_run, _without_mended(services, lineage.used_for))),
        can_be_chain=not stage.chain and can_be_chain(services, record, lineage),
        part_of=_part_in_words(part),
        batch=_batch_id_of(services, record),
    )


def _without_mended(services: Services, runs: Sequence[Record]) -> list[Record]:
    """Return these runs without the failed attempts of a chain's steps that a later run has made up
    for."""
    done = [one for one in runs if one.state.phase is Phase.DONE]

    def is_mended(run: Record) -> bool:
        mended = (
            (one.group, one.job.workflow) == (run.group, run.job.workflow)
            and one.submitted_at > run.submitted_at
            for one in done
        )
        if run.state.phase is Phase.DONE or not any(mended):
            return False
        part = services.chains.part_of(run)
        return part is not None and not part.step  # its step has other runs now

    return [run for run in runs if not is_mended(run)]


def can_be_chain(services: Services, record: Record, lineage: Lineage) -> bool:
    """Return whether its owner may turn a run into a shared chain. Other obstacles are reported
    when the chain is requested."""
    may, owner = services.forms.permissions, record.owner
    is_done = record.state.phase is Phase.DONE
    is_result = is_done and any(was_given(record, one) for one in lineage.made_from)
    return is_result and may.open(owner) and may.keep(owner)


def _part_in_words(part: ChainPart | None) -> str:
    """Return the step and the chain of a run in a sentence; "" for none."""
    match part:
        case ChainPart(_, title, step) if step:
            return message("Step “{step}” of “{chain}”", step=step, chain=title)
        case ChainPart(_, title, _):
            return message("Part of “{chain}”", chain=title)
    return ""


def _with_chain(services: Services, stage: StageView, record: Record, part: ChainPart) -> StageView:
    """Return the end of a chain's run, whose details also name the seeds of the steps that it was
    made from; without them while the server is away, without waiting for that."""
    had = None
    if services.health.reachable:
        with suppress(ComfyError):
            had = services.chains.values_of(record)
    if had is None:
        return replace(stage, chain=part.chain)
    others = tuple(
        (message("Seed of “{step}”", step=step), str(had.own[key]))
        for step, key in had.form.plan.seeds
        if key in had.own and step != part.step
    )
    draws = any(field.widget == "seed" for field in had.form.form.fields)
    details = (*stage.details, *others)
    return replace(stage, chain=part.chain, chain_seeds=draws, details=details)


def _batch_id_of(services: Services, record: Record) -> str:
    """Return the id of a run's batch; "" if it has none that still exists."""
    try:
        return services.batches.get(record.group, record.owner).id if record.group else ""
    except BatchNotFound:
        return ""


def run_end(services: Services, record: Record) -> RunEnd:
    """Return the end of a run; by the keys of its values if its form is gone."""
    job, files = record.job, tuple(_shown_files(services, record))
    used = dict(job.values) | {key: kept.name for key, kept in job.inputs.items()}
    try:
        form = _form_of_run(services, record)
    except ComfyError as gone:
        stage = StageView(
            files=files,
            details=_details_of(used.items()),
            caption=_caption_by_keys(job.values),
            form_gone=isinstance(gone, WorkflowError),
        )
        return RunEnd(stage, seeds_among(job.values))
    errors, remarks = place_errors(form, record.state.node_errors)
    problem, failed = record.state.error, None
    if problem and record.state.phase is Phase.FAILED:
        failed = field_of_node(form, problem.node)
        errors |= {failed.key: problem.message} if failed else {}
    stage = StageView(
        files=files,
        labelled=labelled_errors(form, errors),
        failed_field=failed.key if failed else "",
        remarks=remarks,
        details=_details_of(labelled(form, used)),
        caption=_caption_of(form, used),
        before=_before_of(services, form, record),
    )
    seeds = {f.key: str(used[f.key]) for f in form.fields if f.widget == "seed" and f.key in used}
    return RunEnd(stage, seeds, errors)


def _form_of_run(services: Services, record: Record) -> Form:
    """Return the form of a run. The server is asked for its nodes only if it hasn't sent them since
    the app's start and can be reached.

    Raises WorkflowError, ServerUnreachable, ServerError.
    """
    job, ask = record.job, services.forms.form
    try:
        return ask(job.workflow, record.owner, job.values, offline=True)[1]
    except ServerUnreachable:
        if not services.health.reachable:
            raise
        return ask(job.workflow, record.owner, job.values)[1]


def _before_of(services: Services, form: Form, record: Record) -> str:
    """Return the path of the first image that was given and is still kept, without its mask."""
    addresses = {"image": given_address, "mask": unpainted_address}
    widgets = {f.key: f.widget for f in form.fields}
    for at, (key, given) in enumerate(record.job.inputs.items()):
        address_of = addresses.get(widgets.get(key, ""))
        if address_of and services.copies.blobs.path(given.digest):
            return address_of(record.id, at)
    return ""


def _caption_of(form: Form, used: Mapping[str, object]) -> Caption:
    """Return the first long text and the first chosen model."""
    shown = [(f, str(used.get(f.key) or "")) for f in form.fields if f.group != "hidden"]
    return Caption(
        prompt=next((text for f, text in shown if text and f.widget == "textarea"), ""),
        model=next((text for f, text in shown if text and f.input in _MODEL_INPUTS), ""),
    )


def _caption_by_keys(values: Mapping[str, object]) -> Caption:
    """Return the caption without a form, as far as the keys of the values tell."""
    models = {
        key: text
        for key, text in values.items()
        if isinstance(text, str) and key.rpartition(".")[2] in _MODEL_INPUTS
    }
    others = {key: value for key, value in values.items() if key not in models}
    return Caption(prompt=written_text(others), model=next(filter(None, models.values()), ""))


def labelled(form: Form, used: dict[str, object]) -> Iterable[tuple[str, object]]:
    """Return the values that a run was made with, named as in its form."""
    return ((f.label, used[f.key]) for f in form.fields if f.key in used and f.group != "hidden")


def _details_of(values: Iterable[tuple[str, object]]) -> tuple[tuple[str, str], ...]:
    """Return names and values as text."""
    return tuple((name, value_text(value)) for name, value in values if value is not None)


def _shown_files(services: Services, record: Record) -> Iterator[ShownFile]:
    """Yield every file of a run in its order, with paths below the app's root."""
    for at, file in enumerate(record.state.files):
        kept_from_view = file.kind in _WATCHED and not services.copies.is_shown(record, at)
        yield ShownFile(
            name=result_name(record, at),
            url=file_address(record.id, at, file),
            kind="file" if kept_from_view else file.kind,
            saved=file.type == "output",
            thumb=thumbnail_address(record.id, at, file),
            note=_NOT_SHOWN if kept_from_view else "",
        )
