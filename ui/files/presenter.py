"""Runs as the stage shows them to their owners, with the form and the files at the end.

Find the fields that a workflow needs to alter its own result. Pure.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from comfy.base.errors import BatchNotFound, ComfyError, ServerUnreachable, WorkflowError
from comfy.base.messages import message
from comfy.batches.queue import BatchQueue
from comfy.chains.forms import ChainForms
from comfy.chains.open_chain import ChainSummary
from comfy.chains.queue import ChainQueue
from comfy.comfyui.protocol.run_state import Phase
from comfy.form.check import labelled_errors
from comfy.form.model import MODEL_INPUTS, Field, Form, main_prompt
from comfy.form.server_errors import field_of_failure, node_problems, place_errors
from comfy.library.forms import Forms
from comfy.records.lineage import Lineage, used_file, was_given
from comfy.records.record import Job, Record
from comfy.runs.durations import RunTimes
from comfy.runs.interface import RunRegistry
from comfy.workflow.model import Workflow
from ui.documents.browser_values import value_text
from ui.documents.history_docs import past_run
from ui.documents.openings import opening
from ui.documents.page_runs import RunEnd, stage_run
from ui.documents.run_doc import (
    Alteration,
    Caption,
    RunDoc,
    ShownFile,
    StageView,
    compared_files,
    result_name,
    seeds_among,
    texts_in_files,
)
from ui.files.copies import FileCopies
from ui.web.server_health import ServerHealth
from ui.web.urls import file_address, given_address, thumbnail_address, unpainted_address

_STRENGTH_INPUTS = ("denoise", "denoise_strength")
_RESIZING = ("upscale", "scaleby", "pad", "crop", "outpaint")  # in names of classes
_SUBTLE, _STRONG = 0.35, 0.65
_NOT_SHOWN = message("This drawing isn't shown because it may contain a script.")
_WATCHED = ("image", "video")


def alteration_of(form: Form) -> Alteration | None:
    """Return the fields for an image and for how much of it changes, and two strengths. None if the
    form doesn't have exactly one of each, or if the workflow changes the size of its image, which
    would grow or shrink with every alteration."""
    images = [one for one in form.fields if one.widget in ("image", "mask") and _is_shown(one)]
    strengths = [one for one in form.fields if one.input in _STRENGTH_INPUTS and _is_shown(one)]
    classes = [node["class_type"].casefold() for node in form.prompt.values()]
    resizes = any(word in name for name in classes for word in _RESIZING)
    if len(images) != 1 or len(strengths) != 1 or resizes:
        return None
    image, strength = images[0], strengths[0]
    if image.widget == "mask" or not strength.is_number:
        return None
    return Alteration(
        image.key, strength.key, _within(strength, _SUBTLE), _within(strength, _STRONG)
    )


def _is_shown(field: Field) -> bool:
    return field.group != "hidden"


def _within(field: Field, value: float) -> float:
    low, high = field.min, field.max
    return max(value if low is None else low, min(value, value if high is None else high))


@dataclass(frozen=True, slots=True)
class RunEnds:
    """Builder of descriptions of ended runs, with their forms and files."""

    forms: Forms
    copies: FileCopies
    health: ServerHealth

    def of(self, record: Record) -> RunEnd:
        """Return the end of a run. If its form is gone, its values keep their keys as names."""
        job, files = record.job, tuple(self._shown_files(record))
        used = dict(job.values) | {key: kept.name for key, kept in job.inputs.items()}
        try:
            form = self._form_of_run(record)
        except ComfyError as gone:
            stage = StageView(
                files=files,
                details=_details_of(used.items()),
                caption=_caption_by_keys(job),
                remarks=node_problems(record.state.node_errors, job.titles),
                form_gone=isinstance(gone, WorkflowError),
            )
            return RunEnd(stage, seeds_among(job.values))
        errors, remarks = place_errors(form, record.state.node_errors)
        problem, failed = record.state.error, None
        if problem and record.state.phase is Phase.FAILED:
            failed = field_of_failure(form, problem.node, problem.detail, used)
            errors |= {failed.key: problem.message} if failed else {}
        stage = StageView(
            files=files,
            labelled=labelled_errors(form, errors),
            failed_field=failed.key if failed else "",
            remarks=remarks,
            details=_details_of(labelled(form, used)),
            caption=_caption_of(form, used),
            before=self._before_of(form, record),
            alters=alteration_of(form),
        )
        seeds = {f.key: str(used[f.key]) for f in form.fields if f.is_seed and f.key in used}
        return RunEnd(stage, seeds, errors)

    def _form_of_run(self, record: Record) -> Form:
        """Return the form of a run. It queries the server for its nodes only if the server hasn't
        sent them since the app's start and is reachable.

        Raises WorkflowError, ServerUnreachable, ServerError.
        """
        return self.resolved(record)[1]

    def resolved(self, record: Record) -> tuple[Workflow, Form]:
        """Return the workflow of a run and its form. Raises like `_form_of_run`."""
        job, ask = record.job, self.forms.form
        try:
            return ask(job.workflow, record.owner, job.values, offline=True)
        except ServerUnreachable:
            if not self.health.reachable:
                raise
            return ask(job.workflow, record.owner, job.values)

    def _before_of(self, form: Form, record: Record) -> str:
        """Return the path of the first stored image that the result shows, without its mask."""
        addresses = {"image": given_address, "mask": unpainted_address}
        widgets = {f.key: f.widget for f in form.fields if f.role != "guide"}
        for index, (key, given) in enumerate(record.job.inputs.items()):
            address_of = addresses.get(widgets.get(key, ""))
            if address_of and self.copies.blobs.path(given.digest):
                return address_of(record.id, index)
        return ""

    def _shown_files(self, record: Record) -> Iterator[ShownFile]:
        """Yield every file of a run in its order, with paths below the app's root."""
        texts, compared = texts_in_files(record), compared_files(record)
        for index, file in enumerate(record.state.files):
            kept_from_view = file.kind in _WATCHED and not self.copies.is_shown(record, index)
            yield ShownFile(
                name=result_name(record, index),
                url=file_address(record.id, index, file),
                kind="file" if kept_from_view else file.kind,
                thumb=thumbnail_address(record.id, index, file),
                note=_NOT_SHOWN if kept_from_view else "",
                text=texts.get(index),
                compared=compared.get(index),
            )


@dataclass(frozen=True, slots=True)
class Presenter:
    """Builder of run documents for the stage of the page."""

    ends: RunEnds
    runs: RunRegistry
    batches: BatchQueue
    chains: ChainQueue
    chain_forms: ChainForms

    def view(self, record: Record, usual: RunTimes | None) -> RunDoc:
        """Return the document of a run. Blocks for an ended run, because it may query the server
        for its nodes."""
        now, phase = time.time(), record.state.phase
        if not phase.finished:
            waits = phase is Phase.WAITING
            due_in = self.runs.due_in().get(record.id) if waits else None
            return stage_run(record, now=now, usual=usual, due_in=due_in)
        end = self.ends.of(record)
        end = replace(end, stage=self.with_history(end.stage, record))
        return stage_run(record, end, now=now, keeping=True)

    def title_of(self, record: Record) -> str:
        """Return the title of a run's chain, or of its workflow if it has no chain."""
        chain = self.chains.chain_of(record)
        return record.job.title if chain is None else chain.title

    def with_history(self, stage: StageView, record: Record) -> StageView:
        """Return the end of a run with its position among its owner's other runs."""
        history = self.runs.history
        lineage = self.chain_forms.lineage(record)
        chain = self.chains.chain_of(record)
        if chain is not None and self.chain_forms.has(chain.workflow, record.owner):
            stage = self._with_chain(stage, record, chain)
        return replace(
            stage,
            kept_until=history.storage.kept_until(record.state.finished_at or time.time()),
            favourite=history.is_favourite(record.id, record.owner),
            made_from=tuple(past_run(one, used_file(record, one)) for one in lineage.made_from),
            used_for=tuple(map(past_run, self._without_mended(lineage.used_for))),
            can_be_chain=not stage.chain and self.can_be_chain(record, lineage),
            part_of=_part_in_words(chain, record.id) if chain is not None else "",
            batch=self._batch_id_of(record),
        )

    def _without_mended(self, runs: Sequence[Record]) -> list[Record]:
        """Return these runs without the failed attempts of chain steps that a later run has
        replaced."""
        done = [one for one in runs if one.state.phase is Phase.DONE]

        def is_mended(run: Record) -> bool:
            mended = (
                (one.group, one.job.workflow) == (run.group, run.job.workflow)
                and one.submitted_at > run.submitted_at
                for one in done
            )
            if run.state.phase is Phase.DONE or not any(mended):
                return False
            chain = self.chains.chain_of(run)
            return chain is not None and chain.step_of(run.id) is None  # its step has newer runs

        return [run for run in runs if not is_mended(run)]

    def _with_chain(self, stage: StageView, record: Record, chain: ChainSummary) -> StageView:
        """Return the end of a chain's run with the seeds of earlier steps in its details, and with
        the chain's first prompt in place of the author's own. While the server is away, both are
        omitted."""
        had = None
        if self.ends.health.reachable:
            with suppress(ComfyError):
                had = self.chains.values_of(record)
        if had is None:
            return replace(stage, chain=chain.workflow)
        own = chain.step_of(record.id)
        fields, caption = had.form.form.fields, stage.caption
        of_step = [one for one in fields if own and one.key.startswith(f"{own.name}.")]
        if caption.prompt in [one.default for one in of_step]:
            used = {str(key): value for key, value in had.own.items()}
            earlier = tuple(one for one in fields if one not in of_step)
            first = _caption_of(replace(had.form.form, fields=earlier), used)
            if first.prompt:
                caption = replace(caption, prompt=first.prompt, opening=first.opening)
                stage = replace(stage, caption=caption)
        others = tuple(
            (message("{label} ({detail})", label=message("Seed"), detail=step), str(had.own[key]))
            for step, key in had.form.plan.seeds
            if key in had.own and (own is None or step != own.title)
        )
        draws = any(field.is_seed for field in had.form.form.fields)
        details = (*stage.details, *others)
        return replace(stage, chain=chain.workflow, chain_seeds=draws, details=details)

    def _batch_id_of(self, record: Record) -> str:
        """Return the ID of a run's batch; "" if it has no batch or the batch was deleted."""
        try:
            return self.batches.get(record.group, record.owner).id if record.group else ""
        except BatchNotFound:
            return ""

    def can_be_chain(self, record: Record, lineage: Lineage) -> bool:
        """Return whether its owner may turn a run into a shared chain. Other obstacles are reported
        when the chain is requested."""
        may, owner = self.ends.forms.permissions, record.owner
        is_done = record.state.phase is Phase.DONE
        is_result = is_done and any(was_given(record, one) for one in lineage.made_from)
        return is_result and may.open(owner) and may.keep(owner)


def _part_in_words(chain: ChainSummary, run_id: str) -> str:
    if step := chain.step_of(run_id):
        return message("Step “{step}” of “{chain}”", step=step.title, chain=chain.title)
    return message("Part of “{chain}”", chain=chain.title)


def _caption_of(form: Form, used: Mapping[str, object]) -> Caption:
    """Return the main prompt, model, number of steps and negative prompt."""
    shown = [(f, str(used.get(f.key) or "")) for f in form.fields if f.group != "hidden"]
    prompt = main_prompt(form.fields)
    text = str(used.get(prompt.key) or "") if prompt else ""
    return Caption(
        prompt=text,
        opening=opening(text),
        model=next((text for f, text in shown if text and f.role == "model"), ""),
        steps=next((text for f, text in shown if text and f.input == "steps"), ""),
        negative=next((text for f, text in shown if text and f.role == "negative"), ""),
    )


def _caption_by_keys(job: Job) -> Caption:
    """Return the caption of a run without a form, as far as the keys of its values allow."""
    models = (
        text
        for key, text in job.values.items()
        if isinstance(text, str) and key.rpartition(".")[2] in MODEL_INPUTS
    )
    prompt, model = job.written_text, next(filter(None, models), "")
    return Caption(prompt=prompt, opening=opening(prompt), model=model)


def labelled(form: Form, used: dict[str, object]) -> Iterable[tuple[str, object]]:
    """Return a run's values, named as in its form."""
    return ((f.label, used[f.key]) for f in form.fields if f.key in used and f.group != "hidden")


def _details_of(values: Iterable[tuple[str, object]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value_text(value)) for name, value in values if value not in (None, []))
