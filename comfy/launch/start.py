"""Starting runs: the single path from values to a run for the page, the shell, scripts and the “run
again” button."""

from __future__ import annotations

import copy
import random
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import chain

from comfy.base.errors import ComfyError, RunNotFound, WorkflowError
from comfy.base.messages import message, sentences
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.pool import ServerPool
from comfy.form.check import check, labelled_errors
from comfy.form.fill import fill, targets_of
from comfy.form.model import Form
from comfy.form.seeds import counted_on, random_seed
from comfy.launch.kept_uploads import kept_uploads
from comfy.launch.payment import PaidWork, Payment
from comfy.launch.row_judge import Check
from comfy.launch.uploads import (
    KeptUpload,
    Upload,
    UploadLimits,
    as_checked,
    files_in,
    foreign_files,
    refusals,
)
from comfy.library.forms import Forms
from comfy.library.private import MARK as OPENED_MARK
from comfy.paid import paid_nodes
from comfy.prompt.model import InputRef, Prompt
from comfy.prompt.wildcards import LinesOf
from comfy.records.blobs import BlobStore
from comfy.records.lineage import has_text_of
from comfy.records.record import Job, KeptInput
from comfy.runs.input_files import UPLOADS, shared_folder
from comfy.runs.interface import DEFAULT_POLICY, Origin, Run, RunPolicy, RunRegistry
from comfy.workflow.sanitize import named_files, written_names


class FieldErrors(ComfyError):
    """Values that the form refuses. `errors` has the fields' messages by key. `labelled` has the
    same messages for places that don't show the fields, by default with the fields' labels."""

    def __init__(
        self, form: Form, errors: Mapping[str, str], labelled: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message("Fix the highlighted fields."))
        self.errors = dict(errors)
        self.labelled = dict(labelled or labelled_errors(form, errors))


@dataclass(frozen=True, slots=True)
class StartedRuns:
    """Runs from one click on Generate, in order. `refused`: the reason why fewer started than
    requested."""

    runs: tuple[Run, ...]
    refused: ComfyError | None = None


@dataclass(frozen=True, slots=True)
class Starter:
    """Starts runs of all owners. `blobs`: the store of their input files. `servers`: the servers
    that run them. `wildcards`: the lines of wildcard files. `translated`: translates a message into
    the caller's language. `payment`: rules for paid runs."""

    runs: RunRegistry
    forms: Forms
    blobs: BlobStore
    servers: ServerPool
    limits: UploadLimits = field(default_factory=UploadLimits)
    rng: random.Random = field(default_factory=random.SystemRandom)
    wildcards: LinesOf | None = None
    translated: Callable[[str], str] = str
    payment: Payment = field(default_factory=Payment)

    def start(
        self,
        name: str,
        values: Mapping[str, object],
        origin: Origin,
        policy: RunPolicy = DEFAULT_POLICY,
        *,
        judge: Check | None = None,
    ) -> Run:
        """Check the values, store their files, and start a run of the workflow `name`.

        Fields without a value keep the author's value; seeds without a value are drawn. A media
        field's value is an `Upload`, a `KeptUpload`, the author's own file (the field's default) or
        None. `judge` replaces `checked`.

        Raises FieldErrors, WorkflowError, ServerUnreachable, ServerError, and ComfyError if there
        are too many runs or a file doesn't fit in the store.
        """
        owner, group = origin.owner, origin.group
        self.runs.check_room(origin)  # before any other work for the run
        workflow, form = self.forms.form(name, owner, values)
        seeds = (one.key for one in form.fields if one.is_seed and one.group != "hidden")
        values = dict.fromkeys(seeds) | dict(values)
        clean = judge(form, values) if judge else self.checked(form, values, owner)
        prompt, used = fill(workflow, form, clean, self.rng)
        files = files_in(values)
        uploads = {key: value for key, value in files.items() if isinstance(value, Upload)}
        targets = {key: targets_of(form.field(key), prompt) for key in files}
        brought = set(chain.from_iterable(targets.values()))
        paid_work = self.paid_work(name, prompt, form.titles)
        self._check_files(prompt, form, name, owner, brought)
        if errors := self._not_together(form, Needs(prompt, brought), owner):
            raise FieldErrors(form, errors)
        if not origin.run_id:  # otherwise the batch or chain was checked
            self.payment.check([paid_work], origin)
        with kept_uploads(self.blobs, self.runs.history, uploads) as kept:
            inputs = {
                key: self._input(
                    one if isinstance(one, KeptUpload) else kept[key],
                    targets[key],
                    group,
                    as_base64=form.field(key).as_base64,
                )
                for key, one in files.items()
            }
            outputs = frozenset(output.node for output in form.outputs) or None
            names = {output.node: output.label for output in form.outputs}
            job = Job(
                prompt,
                name,
                outputs,
                used,
                form.title,
                inputs,
                form.titles,
                output_names=names,
                paid=bool(paid_work.nodes),
            )
            parents = (*origin.parents, *self._given_text(origin.text_sources, used, owner))
            return self.runs.submit(job, replace(origin, parents=parents), policy)

    def paid_work(
        self, name: str, prompt: Prompt, titles: Mapping[str, str], count: int = 1
    ) -> PaidWork:
        """Return the paid part of runs of a workflow with this prompt."""
        return PaidWork(name, paid_nodes(prompt, self.forms.catalog.get().raw), titles, count)

    def check(self, name: str, values: Mapping[str, object], owner: str) -> None:
        """Raise the FieldErrors, WorkflowError, ServerUnreachable or ServerError that `start` would
        raise for these values. For choices that no single server has together, see `conflicts`."""
        _, form = self.forms.form(name, owner, values)
        self.checked(form, values, owner)

    def conflicts(
        self, name: str, values: Mapping[str, object], owner: str
    ) -> tuple[Form, dict[str, str]]:
        """Return the form with these values, and errors about choices that no single server has
        together, by field key, "" without a field. There are no errors if the form refuses a value.
        Raises like `Forms.form`."""
        workflow, form = self.forms.form(name, owner, values)
        clean, wrong = self.judged_values(form, values, owner, hints=False)
        if any(one.key in wrong and not one.is_media for one in form.fields):
            return form, {}
        prompt, _ = fill(workflow, form, clean, random.Random(0))
        files = files_in(values)
        fields = (one for one in form.fields if one.key in files)
        brought = chain.from_iterable(one.targets for one in fields)
        try:
            return form, self._not_together(form, Needs(prompt, brought), owner)
        except WorkflowError as problem:
            return form, {"": sentences(str(problem), problem.hint)}

    def start_several(
        self,
        name: str,
        values: Mapping[str, object],
        origin: Origin,
        count: int,
        policy: RunPolicy = DEFAULT_POLICY,
    ) -> StartedRuns:
        """Start `count` runs with these values, or as many as there is room for.

        Each run draws its random seeds and counts up its counted seeds. Without such seeds, fixed
        seeds increase by one from run to run so that the results differ. Raises like `start` if the
        first run can't start.
        """
        runs: list[Run] = []
        origin = replace(origin, group=secrets.token_hex(16) if count > 1 else "")
        while len(runs) < count:
            try:
                run = self.start(name, values, origin, policy)
            except ComfyError as problem:
                if not runs:
                    raise
                return StartedRuns(tuple(runs), problem)
            runs.append(run)
            _, form = self.forms.form(name, origin.owner, values)
            values = counted_on(values, form, run.job.values)
        return StartedRuns(tuple(runs))

    def judged_values(
        self, form: Form, values: Mapping[str, object], owner: str, *, hints: bool = True
    ) -> tuple[dict[str, object], dict[str, str]]:
        """Return a clean value for every valid field of a form, and a message for every invalid
        one. `hints`: see `comfy.form.check.check`."""
        given = {key: as_checked(value) for key, value in values.items()}
        cleaned, errors = check(form, given, hints=hints)
        edits = self.forms.permissions.edits(owner)
        foreign = {} if edits else foreign_files(form, cleaned, values)
        fixed = {} if edits else _fixed(form, values)
        return cleaned, errors | foreign | refusals(form, values, self.limits) | fixed

    def checked(self, form: Form, values: Mapping[str, object], owner: str) -> dict[str, object]:
        """Return clean values for every field. Raises FieldErrors."""
        cleaned, errors = self.judged_values(form, values, owner)
        if errors:
            raise FieldErrors(form, errors)
        return cleaned

    def _not_together(self, form: Form, needs: Needs, owner: str) -> dict[str, str]:
        """Return the errors by field if each of several servers lacks a part of the run. Raises
        WorkflowError if no user's choice causes that."""
        lists = [one for one in form.fields if one.is_choice and one.group != "hidden"]
        conflicts = self.servers.conflicts(needs, lists)
        named = self.servers.shown or self.forms.permissions.operates(owner)
        errors = {one.key: one.sentence(named=named) for one in conflicts if one.key is not None}
        if conflicts and not errors:
            raise WorkflowError(
                conflicts[0].sentence(named=named),
                message("Ask the administrator to install everything it needs on one server."),
            )
        return errors

    def _input(
        self, file: KeptUpload, targets: tuple[InputRef, ...], group: str, *, as_base64: bool
    ) -> KeptInput:
        below = file.below if self.blobs.path(file.below) else ""
        folder = shared_folder(group, file.name, file.digest) if group else ""
        return KeptInput(
            file.name, file.digest, targets, below, file.result, folder, file.made_by, as_base64
        )

    def again(
        self, run_id: str, origin: Origin, policy: RunPolicy = DEFAULT_POLICY, *, vary: bool = False
    ) -> Run:
        """Start an earlier run's job again with the same values and seeds. `vary` draws new seeds
        if the workflow still has a form.

        Raises RunNotFound, WorkflowError, ServerUnreachable, ServerError, and ComfyError if there
        are too many runs.
        """
        owner = origin.owner
        record = self.runs.record(run_id, owner)
        job = _alone(record.job)
        if job.shortened:
            raise WorkflowError(
                message("The texts of this run were too long to save."),
                message("Open the form and fill it in again."),
            )
        self.runs.check_room(origin)
        form = self._check_again(job, owner)
        with self._held(job.inputs) as uploads:
            if form is not None and (errors := refusals(form, uploads, self.limits)):
                raise WorkflowError(
                    sentences(*labelled_errors(form, errors).values()),
                    message("Open the form and fill it in again."),
                )
            if vary and form is not None:
                job = _varied(job, form, self.rng)
            paid_work = self.paid_work(job.workflow, job.prompt, job.titles)
            self.payment.check([paid_work], origin)
            job = replace(job, paid=bool(paid_work.nodes))
            parents = (run_id, *self._given_text(record.parents, job.values, owner))
            return self.runs.submit(job, replace(origin, parents=parents), policy)

    def _given_text(
        self, sources: Collection[str], values: Mapping[str, object], owner: str
    ) -> Iterator[str]:
        """Yield the runs whose texts are among the values."""
        for source in sources:
            with suppress(RunNotFound):  # deleted since
                if has_text_of(self.runs.record(source, owner), values):
                    yield source

    def _check_again(self, job: Job, owner: str) -> Form | None:
        """Raise WorkflowError if the current rules or the changed workflow no longer allow this
        job.

        Return the current form, or None if the workflow no longer exists.
        """
        if job.workflow.startswith(OPENED_MARK):
            self.forms.permissions.check_open(owner)
        form = None
        # Without the workflow, the app can't know which values in the prompt are the
        # administrator's.
        with suppress(WorkflowError):
            _, form = self.forms.form(job.workflow, owner, job.values)
        own = {target for kept in job.inputs.values() for target in kept.targets}
        self._check_files(job.prompt, form, job.workflow, owner, own)
        if form and (errors := self._not_together(form, Needs(job.prompt, own), owner)):
            raise WorkflowError(
                sentences(*labelled_errors(form, errors).values()),
                message("Open the form and fill it in again."),
            )
        return form

    def _check_files(
        self, prompt: Prompt, form: Form | None, name: str, owner: str, own: Collection[InputRef]
    ) -> None:
        """Raise WorkflowError if a prompt names server files or has node classes that aren't
        allowed.

        Files at `own` are named when they are sent. Other files may be the administrator's
        defaults. The form adds nodes that load files.
        """
        permissions, brought = self.forms.permissions, name.startswith(OPENED_MARK)
        if brought:
            permissions.check_nodes(prompt)
        if permissions.edits(owner) or (brought and permissions.trusts(owner)):
            return
        catalog = self.forms.catalog.get()
        unknown = {node["class_type"] for node in prompt.values()} - catalog.keys()
        if brought and unknown:
            # The server may have installed the node since, and the app doesn't know which files it
            # reads.
            raise WorkflowError(
                message("Missing node: {node}.", node=min(unknown)[:80]),
                message("Press Reload models."),
            )
        if brought:
            permissions.check_savers(prompt, catalog)
        named = named_files(prompt, catalog, own)
        named += written_names(prompt, catalog, UPLOADS, own) if brought else []
        for ref in named:
            if brought or form is None or not _is_authors(form, ref, prompt):
                raise WorkflowError(
                    message(
                        "“{input}” refers to a server file that may belong to another user.",
                        input=ref[1][:80],
                    ),
                    message("Open the form and fill it in again."),
                )

    @contextmanager
    def _held(self, inputs: Mapping[str, KeptInput]) -> Iterator[dict[str, Upload]]:
        """Keep a run's stored files from being deleted until the end of the block."""
        holder = secrets.token_hex(8)
        uploads: dict[str, Upload] = {}
        try:
            for key, kept in inputs.items():
                if not kept.targets:
                    continue
                path = self.blobs.path(kept.digest)
                if path is None or not self.blobs.hold(kept.digest, holder):
                    raise WorkflowError(
                        message("{name} is no longer available.", name=kept.name),
                        message("Open the form and fill it in again."),
                    )
                uploads[key] = Upload(kept.name, path)
            yield uploads
        finally:
            self.blobs.release(holder)


def _alone(job: Job) -> Job:
    """Return the job without the shared folders of its group's files."""
    inputs = {key: replace(kept, folder="") for key, kept in job.inputs.items()}
    return replace(job, inputs=inputs)


def _varied(job: Job, form: Form, rng: random.Random) -> Job:
    """Return the job with a new number in each seed that users can set."""
    prompt, values = copy.deepcopy(job.prompt), dict(job.values)
    for item in form.fields:
        if item.is_seed and item.group != "hidden" and item.key in values:
            values[item.key] = random_seed(item, rng)
            for node, name in targets_of(item, prompt):
                prompt[node]["inputs"][name] = values[item.key]
    return replace(job, prompt=prompt, values=values)


def _is_authors(form: Form, place: InputRef, prompt: Prompt) -> bool:
    """Return whether an input of a prompt has the author's value."""
    node, name = place
    given = [item.default for item in form.fields if place in item.targets]
    given += [form.prompt[node]["inputs"].get(name)] if node in form.prompt else []
    return prompt[node]["inputs"][name] in given


def _fixed(form: Form, values: Mapping[str, object]) -> dict[str, str]:
    """Return errors for values of hidden inputs, which the author sets for every caller."""
    return {
        item.key: "The workflow's author has set this. It can't be changed here."
        for item in form.fields
        if item.group == "hidden" and item.key in values
    }
