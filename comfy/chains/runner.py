"""A chain: workflows one after another, each given what earlier ones have made. A run that is done
is not done again: the same workflow with the same values and files."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from comfy.base.errors import ComfyError, Overloaded, WorkflowError, WorkflowNotFound
from comfy.base.messages import message
from comfy.chains.fields import FormStep, form_steps, in_step, lacks_workflow
from comfy.chains.model import Chain, ChainErrors, Step
from comfy.chains.order import due
from comfy.chains.results import Given, Result, StepRun, runs_of
from comfy.chains.step_form import StepForm, step_form
from comfy.comfyui.protocol.outputs import TextOutput
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.form.fill import drawn_texts, literal_texts
from comfy.form.model import Form
from comfy.launch.once import (
    NOT_FETCHED,
    LiveTasks,
    Task,
    TaskRunner,
    conflicts_in,
    lacking,
)
from comfy.launch.start import FieldErrors, Starter
from comfy.launch.uploads import Upload, content_of
from comfy.records.record import Record
from comfy.runs.input_files import server_file
from comfy.runs.interface import Origin, Run
from comfy.workflow.model import Workflow

_BEGIN_AGAIN_AFTER = 1.0  # seconds until a run is begun that was one too many
_NAMESPACE = uuid.UUID("6c0b3f52-6f0e-5f7e-8f0e-0d8d2a9f6b21")  # of the ids of steps' runs


@dataclass(frozen=True, slots=True)
class StepProblem:
    """A step that cannot run, or a run of it: why."""

    error: ComfyError


@dataclass(frozen=True, slots=True)
class StepBegin:
    """A run of a step that goes on: the step's name, which of its runs, from 1, of how many."""

    step: str
    number: int
    runs: int
    run: Run


@dataclass(frozen=True, slots=True)
class StepEnd:
    """A run of a step at its end: the step's name, which of its runs, from 1, of how many."""

    step: str
    run: int
    runs: int
    outcome: Record | StepProblem

    @property
    def is_done(self) -> bool:
        """It has made what it was to make."""
        return isinstance(self.outcome, Record) and self.outcome.state.phase is Phase.DONE

    @property
    def is_stopped(self) -> bool:
        """Somebody has stopped it."""
        return isinstance(self.outcome, Record) and _is_stopped(self.outcome)


@dataclass(slots=True)
class _Standing:
    """How far the steps are that were begun: how many runs of each are not at their end, and what
    came of the others."""

    open: dict[str, int] = field(default_factory=dict)
    ends: dict[str, dict[int, StepEnd]] = field(default_factory=dict)

    @property
    def done(self) -> set[str]:
        """The steps of which all runs are done."""
        return {
            name
            for name, left in self.open.items()
            if not left and all(one.is_done for one in self.ends[name].values())
        }

    def runs(self, step: str) -> int:
        """How many runs of a step there are in all."""
        return self.open[step] + len(self.ends.get(step, {}))

    def ended(self, step: str, run: int, outcome: Record | StepProblem) -> StepEnd:
        """Take note of the end of a run."""
        end = StepEnd(step, run, self.runs(step), outcome)
        self.ends.setdefault(step, {})[run] = end
        self.open[step] -= 1
        return end

    def made(self) -> dict[str, tuple[Given, ...]]:
        """All results by step, in the order of its runs."""
        return {
            name: tuple(
                Given(result, (record.id,), record.server)
                for _, end in sorted(ends.items())
                if isinstance(record := end.outcome, Record)
                for result in _results(record)
            )
            for name, ends in self.ends.items()
        }


def form_of_step(
    starter: Starter, step: Step, owner: str, settings: Mapping[str, object]
) -> StepForm:
    """See `comfy.chains.step_form.step_form`. Raises as `Forms.form`; a WorkflowError names the
    step."""

    def form_of(values: Mapping[str, object]) -> Form:
        return starter.forms.form(step.workflow, owner, values)[1]

    try:
        return step_form(form_of, step, settings)
    except WorkflowNotFound as error:
        raise WorkflowError(lacks_workflow(step), error.hint) from error
    except WorkflowError as error:
        raise WorkflowError(in_step(step, str(error)), error.hint) from error


class ChainRunner:
    """Runs chains. What became of each run is on record, so the registry needs a history."""

    def __init__(
        self,
        starter: Starter,
        origin: Origin,
        *,
        sharers: str | None = None,
    ) -> None:
        """Chains of the same `sharers` reuse each other's finished runs; the default is the
        owner."""
        self._starter = starter
        self._tasks = TaskRunner(starter, origin)
        self._owner = origin.owner
        self._sharers = origin.owner if sharers is None else sharers

    def steps(
        self,
        chain: Chain,
        settings: Mapping[str, Mapping[str, object]],
        problems: list[str] | None = None,
    ) -> tuple[FormStep, ...]:
        """The steps of a chain in their forms, see `form_steps`. Raises ChainErrors, WorkflowError,
        ServerUnreachable, ServerError."""
        found = {
            step.name: form_of_step(self._starter, step, self._owner, settings.get(step.name, {}))
            for step in chain.steps
        }
        keyed = replace(chain, steps=tuple(found[step.name].step for step in chain.steps))
        forms = {name: one.form for name, one in found.items()}
        by_key = {name: one.settings for name, one in found.items()}
        return form_steps(keyed, forms, by_key, self._starter.wildcards, problems=problems)

    def check(self, steps: Sequence[FormStep]) -> None:
        """ChainErrors with all values that the forms refuse in any step, and all that the server
        does not have, or no server has together, for one; what is given by other steps is taken
        for good."""
        problems = [said for one in steps for _, _, said in self.problems(one)]
        if problems:
            raise ChainErrors(dict.fromkeys(problems), message("Nothing was started."))

    def problems(self, step: FormStep) -> Iterator[tuple[str, str, str]]:
        """What is wrong with a step: what the server lacks, all values that its form refuses, and
        choices that no server has together; what is given by other steps is taken for good. Each
        with the key of the field that it is about, "" for none, and as it is said away from
        there."""
        for said in lacking(step.form, {**step.values, **step.rows[0]}):
            yield "", said, in_step(step.step, said)
        given = {key: _stand_in(step.form, key) for key in step.inputs}
        rows = [self._own(step, {**step.values, **row, **given}) for row in step.rows]
        for values in rows:
            try:
                self._starter.check(step.step.workflow, values, self._owner)
            except FieldErrors as error:
                for key, said in error.errors.items():
                    if key not in step.inputs:
                        yield key, said, in_step(step.step, error.labelled[key])
        for _, found in conflicts_in(self._starter, step.step.workflow, rows, self._owner):
            for key, said in found.errors.items():
                yield key, said, in_step(step.step, found.labelled[key])

    def resume(self) -> None:
        """Take up what was under way when the program ended, before any step is run."""
        self._tasks.resume()

    def run(
        self,
        chain_id: str,
        steps: Sequence[FormStep],
        *,
        again: Mapping[str, Collection[str]],
        watch: Callable[[Mapping[tuple[str, int], RunState]], None] | None = None,
        begun: Callable[[StepBegin], None] = lambda _: None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Iterator[StepEnd]:
        """Run the steps, those together that do not wait for each other, and tell of each run when
        it has ended. A step that fails stops only those that need it.

        `chain_id`: the group of all its runs. `again`: steps that are run even if they are done,
        each with the ids of the runs that were begun for that before, which are not repeated.
        `watch`: as of `LiveTasks`, by step and number of its run. `begun` is told of each run that
        goes on from now. Where there are too many runs it waits, as long as it is `wanted`. A run
        that another chain has begun, and that was stopped there, is begun again for this one.
        """
        by_name = {one.step.name: one for one in steps}
        standing = _Standing()
        waiting: deque[tuple[str, int, StepRun]] = deque()
        begun_runs: dict[tuple[str, int], StepRun] = {}
        with LiveTasks[tuple[str, int]](self._starter.runs, watch) as live:
            while wanted():
                for step in due([one.step for one in steps], standing.open, standing.done):
                    match _runs(by_name[step.name], standing):
                        case StepProblem() as problem:
                            yield standing.ended(step.name, 1, problem)
                        case runs:
                            waiting += ((step.name, *run) for run in enumerate(runs, 1))
                while waiting and not live.is_full:
                    name, number, run = waiting.popleft()
                    try:
                        task = self._task(by_name[name], run, chain_id)
                        run_or_record = self._tasks.begin(task, again=again.get(name))
                        live.add((name, number), run_or_record)
                        begun_runs[name, number] = run
                        if not isinstance(run_or_record, Record):
                            begun(StepBegin(name, number, standing.runs(name), run_or_record))
                    except Overloaded:
                        waiting.appendleft((name, number, run))
                        if not live:
                            live.wait(_BEGIN_AGAIN_AFTER)
                        break
                    except ComfyError as error:
                        yield standing.ended(name, number, StepProblem(error))
                if not live:
                    if waiting:
                        continue
                    return
                if not waiting and live.are_all_at_work:  # else some are still to be found again
                    self._tasks.cancel_others(chain_id, live)
                for (name, number), record in live.ended():
                    if _is_stopped(record) and record.group != chain_id and wanted():
                        waiting.append((name, number, begun_runs[name, number]))
                    else:
                        yield standing.ended(name, number, self._outcome(record))

    def _outcome(self, record: Record) -> Record | StepProblem:
        if record.state.phase is not Phase.DONE or self._tasks.is_done(record):
            return record
        error = record.state.error
        if error is not None:
            return StepProblem(ComfyError(error.message, error.hint))
        return StepProblem(ComfyError(NOT_FETCHED, message("Try again.")))

    def _task(self, step: FormStep, run: StepRun, chain_id: str) -> Task:
        """A run of a step, by all that matters to what it makes."""
        own = self._own(step, {**run.values, **run.given})
        taken = {key: one for key, one in run.given.items() if key in own}
        given = {key: self._value(one) for key, one in taken.items()}
        workflow, form = self._starter.forms.form(step.step.workflow, self._owner, {**own, **given})
        # Nobody typed alternatives in what a step has made.
        values = {**own, **literal_texts(drawn_texts(form), given)}
        name = _content(self._sharers, workflow, form, values)
        parents = tuple(dict.fromkeys(run for one in taken.values() for run in one.runs))
        return Task(name, step.step.workflow, values, chain_id, parents)

    def _own(self, step: FormStep, values: Mapping[str, object]) -> dict[str, object]:
        """Those that a run's own form has fields for."""
        if not step.of_options:
            return dict(values)
        _, form = self._starter.forms.form(step.step.workflow, self._owner, values)
        others = step.of_options - {field.key for field in form.fields}
        return {key: value for key, value in values.items() if key not in others}

    def _value(self, given: Given) -> Upload | str:
        """A result as a field takes it. WorkflowError where its file is not kept."""
        result = given.result
        if isinstance(result, TextOutput):
            return result.text
        path = self._starter.blobs.path(result.digest)
        if path is None:
            raise WorkflowError(
                message("{file} is no longer here.", file=result.filename),
                message("Run the step again that has made it."),
            )
        return Upload(result.filename, path, result=server_file(given.server, result))


def _runs(step: FormStep, standing: _Standing) -> tuple[StepRun, ...] | StepProblem:
    """The runs of a step that is due, which counts as begun; why not, where there are none."""
    try:
        runs = runs_of(step, standing.made())
    except ComfyError as error:
        standing.open[step.step.name] = 1
        return StepProblem(error)
    standing.open[step.step.name] = len(runs)
    return runs


def _is_stopped(record: Record) -> bool:
    return record.state.phase is Phase.STOPPED and record.state.error is None


def _results(record: Record) -> tuple[Result, ...]:
    return (*record.state.files, *record.state.texts)


def _stand_in(form: Form, key: str) -> Upload | str:
    """What a field of another step's results is checked with."""
    return Upload("result", b"") if form.field(key).is_media else "result"


def _content(
    sharers: str, workflow: Workflow, form: Form, values: Mapping[str, object]
) -> uuid.UUID:
    """The same for the same workflow, values and files: what comes of it is the same too. What one
    person has made is no other's."""
    named = {one.key: one.default for one in form.fields} | dict(values)
    # A file that is added and left empty is none.
    used = {key: value for key, value in named.items() if value is not None}
    told = [sharers, workflow.prompt, sorted(output.node for output in form.outputs), used]
    content = json.dumps(told, default=content_of, sort_keys=True)
    return uuid.uuid5(_NAMESPACE, hashlib.sha256(content.encode()).hexdigest())
