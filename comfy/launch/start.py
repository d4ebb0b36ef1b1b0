"""Starting runs: the single path from values to a run for the page, the shell, scripts and the “run
again” button."""

from __future__ import annotations

import copy
import random
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain

from comfy.base.errors import ComfyError, RunNotFound, TooManyRuns, WorkflowError
from comfy.base.messages import message, sentences
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.pool import ServerPool
from comfy.form.check import check, labelled_errors
from comfy.form.fill import fill, targets_of
from comfy.form.model import Form, main_prompt
from comfy.form.seeds import counted_on, random_seed
from comfy.launch.payment import PaidWork, Payment
from comfy.launch.uploads import (
    KeptUpload,
    Upload,
    UploadLimits,
    as_checked,
    files_in,
    foreign_files,
    kept_uploads,
    refusals,
)
from comfy.library.forms import Forms
from comfy.library.private import MARK as OPENED_MARK
from comfy.library.private import weight
from comfy.media.checks import MIB
from comfy.paid import paid_nodes
from comfy.prompt.model import InputRef, Prompt
from comfy.prompt.wildcards import LinesOf
from comfy.records.blobs import BlobStore
from comfy.records.lineage import has_text_of
from comfy.records.record import SENT_PROMPT, Job, KeptInput
from comfy.runs.input_files import UPLOADS, shared_folder
from comfy.runs.interface import DEFAULT_POLICY, Origin, Run, RunPolicy, RunRegistry
from comfy.workflow.model import Workflow
from comfy.workflow.sanitize import named_files, written_names

_LARGE = MIB  # bytes of a prompt in memory; smaller ones aren't counted
_LARGE_OF_USER, _LARGE_OF_ADDRESS, _LARGE_OF_ALL = 64 * MIB, 128 * MIB, 512 * MIB

# Returns a clean value for every valid field of a form, and a message for every invalid one.
Judge = Callable[[Form, Mapping[str, object]], tuple[dict[str, object], dict[str, str]]]


def _weight(job: Job) -> int:
    return weight(job.prompt) + weight(dict(job.extra_data))


class RowJudge:
    """Checks only the values that differ from the previous row, as long as the form is the same.
    Not thread-safe."""

    def __init__(self, judge: Judge) -> None:
        """`judge` checks all values of a form."""
        self._judge = judge
        self._form: Form | None = None
        self._given: Mapping[str, object] = {}
        self._clean: Mapping[str, object] = {}

    def judged(
        self, form: Form, values: Mapping[str, object]
    ) -> tuple[dict[str, object], dict[str, str]]:
        others = {
            key
            for key in values.keys() | self._given.keys()
            if not _is_same(values, self._given, key)
        }
        part = form.with_fields(others)
        # Some checks need all values: files are also checked together, and a key without a field is
        # an error of the whole form.
        whole = form is not self._form or len(part.fields) < len(others)
        if whole or any(field.is_media for field in part.fields):
            clean, errors = self._judge(form, values)
        else:
            own = {key: values[key] for key in others if key in values}
            changed, errors = self._judge(part, own)
            same = {key: value for key, value in self._clean.items() if key not in others}
            clean = same | changed
        if not errors:
            self._form, self._given, self._clean = form, dict(values), dict(clean)
        return clean, errors


def _is_same(row: Mapping[str, object], other: Mapping[str, object], key: str) -> bool:
    """Return whether both have this value, or an equal one of the same type. Collections must be
    the same object."""
    if key not in row or key not in other:
        return False
    value, known = row[key], other[key]
    if value is known or isinstance(value, dict | list | tuple):
        return value is known
    return type(value) is type(known) and value == known


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
class CheckedValues:
    """A user's values in the form of a workflow: `clean` has a value for every valid field, and
    `errors` a message for every invalid one."""

    workflow: Workflow
    form: Form
    values: Mapping[str, object]
    clean: Mapping[str, object]
    errors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """Run before its start. `job` lacks the `files`, which aren't stored yet; `targets` has the
    inputs that get each file. With `errors`, by field key, the run can't start. An earlier run
    whose workflow no longer exists has no `form`."""

    job: Job
    form: Form | None
    origin: Origin
    errors: Mapping[str, str]
    files: Mapping[str, Upload | KeptUpload]
    targets: Mapping[str, tuple[InputRef, ...]]
    paid_work: PaidWork

    @property
    def brought(self) -> frozenset[InputRef]:
        """Return the inputs that get the user's files."""
        return frozenset(chain.from_iterable(self.targets.values()))

    def raise_errors(self) -> None:
        """Raise FieldErrors if there are errors."""
        if self.form is not None and self.errors:
            raise FieldErrors(self.form, self.errors)


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

    # Before a run: nothing here stores, sends or counts anything

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

    def check(
        self, name: str, values: Mapping[str, object], owner: str, *, judge: Judge | None = None
    ) -> CheckedValues:
        """Return the form of the workflow `name` with these values checked.

        Fields without a value keep the author's value; seeds without a value are drawn. A media
        field's value is an `Upload`, a `KeptUpload`, the author's own file (the field's default) or
        None. `judge` replaces `judged_values`. Raises WorkflowError, ServerUnreachable and
        ServerError.
        """
        workflow, form = self.forms.form(name, owner, values)
        seeds = (one.key for one in form.fields if one.is_seed and one.group != "hidden")
        values = dict.fromkeys(seeds) | dict(values)
        clean, errors = (judge or partial(self.judged_values, owner=owner))(form, values)
        return CheckedValues(workflow, form, values, clean, errors)

    def prepare(
        self,
        name: str,
        values: Mapping[str, object],
        origin: Origin,
        *,
        judge: Judge | None = None,
    ) -> PreparedRun:
        """Return the run that `submit` starts with these values. Raises like `check`."""
        checked = self.check(name, values, origin.owner, judge=judge)
        form = checked.form
        prompt, used = fill(checked.workflow, form, checked.clean, self.rng)
        files = files_in(checked.values)
        targets = {one.key: targets_of(one, prompt) for one in form.fields if one.key in files}
        written = main_prompt(form.fields)
        job = Job(
            prompt,
            name,
            frozenset(output.node for output in form.outputs) or None,
            used,
            form.title,
            titles=form.titles,
            output_names={output.node: output.label for output in form.outputs},
            prompt_key=written.key if written else "",
        )
        paid_work = self.paid_work(name, prompt, form.titles)
        return PreparedRun(job, form, origin, checked.errors, files, targets, paid_work)

    def paid_work(
        self, name: str, prompt: Prompt, titles: Mapping[str, str], count: int = 1
    ) -> PaidWork:
        """Return the paid part of runs of a workflow with this prompt."""
        nodes = paid_nodes(prompt, self.forms.catalog.get().raw)
        if name == SENT_PROMPT:
            # A user confirms the payment for these nodes, not for every prompt that comes later.
            name = f"{SENT_PROMPT}/{','.join(sorted({one.class_type for one in nodes}))}"
        return PaidWork(name, nodes, titles, count)

    def conflicts(
        self, name: str, values: Mapping[str, object], owner: str
    ) -> tuple[Form, dict[str, str]]:
        """Return the form with these values, and errors about choices that no single server has
        together, by field key, "" without a field. There are no errors if the form refuses a value
        other than a file. Raises like `check`."""
        judge = partial(self.judged_values, owner=owner, hints=False)
        run = self.prepare(name, values, Origin(owner), judge=judge)
        assert run.form is not None
        if any(one.key in run.errors and not one.is_media for one in run.form.fields):
            return run.form, {}
        try:
            return run.form, self._not_together(run)
        except WorkflowError as problem:
            return run.form, {"": sentences(str(problem), problem.hint)}

    # Start

    def start(
        self,
        name: str,
        values: Mapping[str, object],
        origin: Origin,
        policy: RunPolicy = DEFAULT_POLICY,
        *,
        judge: Judge | None = None,
    ) -> Run:
        """Check the values, store their files, and start a run of the workflow `name`. Raises the
        errors of `check` and `submit`. The arguments are as in `check`."""
        self.runs.check_room(origin)  # before any other work for the run
        return self.submit(self.prepare(name, values, origin, judge=judge), policy)

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
                self.runs.check_room(origin)
                prepared = self.prepare(name, values, origin)
                run = self.submit(prepared, policy)
            except ComfyError as problem:
                if not runs:
                    raise
                return StartedRuns(tuple(runs), problem)
            runs.append(run)
            if prepared.form is not None:
                values = counted_on(values, prepared.form, run.job.values)
        return StartedRuns(tuple(runs))

    def again(
        self, run_id: str, origin: Origin, policy: RunPolicy = DEFAULT_POLICY, *, vary: bool = False
    ) -> Run:
        """Start an earlier run's job again with the same values and seeds. `vary` draws new seeds
        if the workflow still has a form.

        Raises RunNotFound, WorkflowError, ServerUnreachable, ServerError, and ComfyError if there
        are too many runs.
        """
        record = self.runs.record(run_id, origin.owner)
        job = _alone(record.job)
        if job.shortened:
            raise WorkflowError(
                message("The texts of this run were too long to save."),
                message("Open the form and fill it in again."),
            )
        self.runs.check_room(origin)
        origin = replace(origin, parents=(run_id,), text_sources=record.parents)
        with self._held(job.inputs) as uploads:
            try:
                return self.submit(self._prepare_again(job, uploads, origin, vary=vary), policy)
            except FieldErrors as error:
                raise WorkflowError(
                    sentences(*error.labelled.values()),
                    message("Open the form and fill it in again."),
                ) from error

    def submit(self, run: PreparedRun, policy: RunPolicy = DEFAULT_POLICY) -> Run:
        """Store a prepared run's files and start it.

        Raises FieldErrors, WorkflowError, NoApiKey, PaymentNotConfirmed, TooManyPaidRuns, and
        ComfyError if there are too many runs or a file doesn't fit in the store.
        """
        origin = run.origin
        # First the user's own mistakes, which the form shows beside the fields.
        run.raise_errors()
        # Then what the user may not do, before the app says which servers have which choices.
        self._check_files(run)
        errors = self._not_together(run)
        if run.form is not None and errors:
            raise FieldErrors(run.form, errors)
        # Payment comes after all other checks: it asks the user to confirm the price of a run that
        # can start, and remembers that. It comes before the files, so that an unconfirmed run
        # stores nothing.
        if not origin.is_task:  # otherwise the batch or chain was checked
            self.payment.check([run.paid_work], origin)
        self._check_weight(run.job, origin)
        with self._stored_files(run) as files:
            job = replace(
                run.job, inputs={**run.job.inputs, **files}, paid=bool(run.paid_work.nodes)
            )
            text_sources = self._with_text_in(origin.text_sources, job.values, origin.owner)
            parents = (*origin.parents, *text_sources)
            return self.runs.submit(job, replace(origin, parents=parents), policy)

    # Inside

    def _check_weight(self, job: Job, origin: Origin) -> None:
        """Raise TooManyRuns if a large prompt exceeds the memory for unfinished runs."""
        if (new := _weight(job)) < _LARGE:
            return
        owner, address = origin.owner, origin.address
        others = [one.record for one in self.runs.known() if not one.state.phase.finished]
        weights = [(one.owner, one.address, _weight(one.job)) for one in others]
        # A resumed run, and a run of another process, has no address.
        of_user = sum(size for one, at, size in weights if one == owner and at in ("", address))
        of_address = sum(size for _, at, size in weights if address and at == address)
        of_all = sum(size for *_, size in weights)
        used = (
            (of_user, _LARGE_OF_USER),
            (of_address, _LARGE_OF_ADDRESS),
            (of_all, _LARGE_OF_ALL),
        )
        if any(before + new > most for before, most in used):
            raise TooManyRuns(
                message("The queue is full."), message("Wait for one to finish, or stop one.")
            )

    def _prepare_again(
        self, job: Job, uploads: Mapping[str, Upload], origin: Origin, *, vary: bool
    ) -> PreparedRun:
        """Return a run with a recorded job and these held files. Raises WorkflowError if the user
        may no longer use the workflow."""
        owner, form = origin.owner, None
        if job.workflow.startswith(OPENED_MARK):
            self.forms.permissions.check_open(owner)
        else:
            self.forms.permissions.check_sees(owner, job.workflow)
        # Without the workflow, the app can't know which values in the prompt are the
        # administrator's.
        with suppress(WorkflowError):
            _, form = self.forms.form(job.workflow, owner, job.values)
        errors = {} if form is None else refusals(form, uploads, self.limits)
        if vary and form is not None:
            job = _varied(job, form, self.rng)
        targets = {key: kept.targets for key, kept in job.inputs.items()}
        paid_work = self.paid_work(job.workflow, job.prompt, job.titles)
        return PreparedRun(job, form, origin, errors, {}, targets, paid_work)

    def _not_together(self, run: PreparedRun) -> dict[str, str]:
        """Return the errors by field if each of several servers lacks a part of the run. Raises
        WorkflowError if no user's choice causes that."""
        owner, fields = run.origin.owner, run.form.fields if run.form is not None else ()
        lists = [one for one in fields if one.is_choice and one.group != "hidden"]
        needs = Needs(run.job.prompt, run.brought, self.payment.limits.servers_of(owner))
        conflicts = self.servers.conflicts(needs, lists)
        named = self.servers.shown or self.forms.permissions.operates(owner)
        errors = {one.key: one.sentence(named=named) for one in conflicts if one.key is not None}
        if conflicts and not errors:
            raise WorkflowError(
                conflicts[0].sentence(named=named),
                message("Ask the administrator to install everything it needs on one server."),
            )
        return errors

    @contextmanager
    def _stored_files(self, run: PreparedRun) -> Iterator[dict[str, KeptInput]]:
        """Store a run's files, and yield them for its record."""
        uploads = {key: one for key, one in run.files.items() if isinstance(one, Upload)}
        with kept_uploads(self.blobs, self.runs.history, uploads) as kept:
            yield {
                key: self._input(run, key, one if isinstance(one, KeptUpload) else kept[key])
                for key, one in run.files.items()
            }

    def _input(self, run: PreparedRun, key: str, file: KeptUpload) -> KeptInput:
        below = file.below if self.blobs.path(file.below) else ""
        group = run.origin.group
        folder = shared_folder(group, file.name, file.digest) if group else ""
        return KeptInput(
            file.name,
            file.digest,
            run.targets[key],
            below,
            file.result,
            folder,
            file.made_by,
            run.form is not None and run.form.field(key).as_base64,
        )

    def _with_text_in(
        self, sources: Collection[str], values: Mapping[str, object], owner: str
    ) -> Iterator[str]:
        """Yield the runs whose texts are among the values."""
        for source in sources:
            with suppress(RunNotFound):  # deleted since
                if has_text_of(self.runs.record(source, owner), values):
                    yield source

    def _check_files(self, run: PreparedRun) -> None:
        """Raise WorkflowError if a prompt names server files or has node classes that aren't
        allowed.

        The user's files are named when they are sent. Other files may be the administrator's
        defaults. The form adds nodes that load files.
        """
        prompt, form, owner = run.job.prompt, run.form, run.origin.owner
        permissions = self.forms.permissions
        brought = run.job.workflow.startswith(OPENED_MARK)
        if brought:
            permissions.check_nodes(prompt)
        if permissions.edits(owner) or (brought and permissions.trusts(owner)):
            return
        catalog = self.forms.catalog.for_prompt(prompt)
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
        named = named_files(prompt, catalog, run.brought)
        named += written_names(prompt, catalog, UPLOADS, run.brought) if brought else []
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
