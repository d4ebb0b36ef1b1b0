"""Run the planned steps of a chain, each with the results of earlier steps. A finished run with the
same workflow, values and files isn't repeated."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from comfy.base.errors import ComfyError, Overloaded, TooManyPaidRuns, WorkflowError
from comfy.base.messages import labeled, listed, message, plural
from comfy.batches.content import UNPAIRED, combined
from comfy.chains.model import ChainErrors, Source, due
from comfy.chains.steps import PlannedStep, StepPlanner, takes_from
from comfy.comfyui.protocol.outputs import OutputFile, TextOutput
from comfy.comfyui.protocol.result_types import ResultKind
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.form.fill import drawn_texts, literal_texts
from comfy.form.model import Field, Form
from comfy.launch.once import NOT_FETCHED, LiveTasks, Task, TaskRunner
from comfy.launch.start import Starter
from comfy.launch.uploads import Upload, content_of
from comfy.prompt.arrange import further_keys
from comfy.records.record import Record
from comfy.runs.input_files import server_file
from comfy.runs.interface import Origin, Run
from comfy.workflow.model import Workflow

Result = OutputFile | TextOutput
RunStates = Mapping[tuple[str, int], RunState]  # by step name and run number
_NAMESPACE = uuid.UUID("6c0b3f52-6f0e-5f7e-8f0e-0d8d2a9f6b21")  # namespace of step run ids


@dataclass(frozen=True, slots=True)
class Given:
    """Result for a field, with the ids of the runs that made it (several for joined texts) and the
    address of their server."""

    result: Result
    runs: tuple[str, ...]
    server: str = ""


@dataclass(frozen=True, slots=True)
class StepRun:
    """Run of a step: its own values and the results that it gets, by field key."""

    values: Mapping[str, object]
    given: Mapping[str, Given]


def runs_of(step: PlannedStep, results: Mapping[str, Sequence[Given]]) -> tuple[StepRun, ...]:
    """Return the runs of a step, given the results of all its source steps.

    If it runs for each result of several sources, these are paired, first with first. Raises
    ChainErrors if a result is missing, or if the results can't be paired.
    """
    problems: list[str] = []
    axes: dict[str, Sequence[Given]] = {}
    for key, source in step.inputs.items():
        axes |= _picked(step.form, step.form.field(key), source, results, problems)
    problems += _unpaired(step, axes)
    if problems:
        raise ChainErrors(problems)
    given = [row.values for row in combined(axes, paired=True)] if axes else [{}]
    return tuple(
        StepRun(
            {**step.values, **row},
            {key: result for key, result in taken.items() if isinstance(result, Given)},
        )
        for taken in given
        for row in step.rows
    )


def _unpaired(step: PlannedStep, axes: Mapping[str, Sequence[Given]]) -> Iterator[str]:
    """Yield an error for fields that should be paired but get different numbers of results."""
    several = [key for key, values in axes.items() if len(values) > 1]
    for key, other in pairwise(several):
        if len(axes[key]) != len(axes[other]):
            labels = listed(step.form.field(one).label for one in (key, other))
            yield labeled(labels, UNPAIRED)


def _picked(
    form: Form,
    field: Field,
    source: Source,
    results: Mapping[str, Sequence[Given]],
    problems: list[str],
) -> dict[str, Sequence[Given]]:
    """Return the results that a field gets, by its key: one, each or all. With all, files go into
    the field and into added fields."""
    saved = fitting(field, source, results[source.step])
    number = source.pick if isinstance(source.pick, int) else 1
    if number <= len(saved):
        match source.pick:
            case "each":
                return {field.key: saved}
            case "all" if source.text:
                return {field.key: [_joined(saved)]}
            case "all":
                return _spread(form, field, source, saved, problems)
            case _:
                return {field.key: [saved[number - 1]]}
    problems.append(
        plural(
            "“{field}” needs result {place} from “{step}”, which has only {count}.",
            "“{field}” needs result {place} from “{step}”, which has only {count}.",
            count=len(saved),
            step=source.step,
            field=field.label,
            place=number,
        )
    )
    return {}


def _spread(
    form: Form, field: Field, source: Source, saved: Sequence[Given], problems: list[str]
) -> dict[str, Sequence[Given]]:
    """Return all results for a field, all but the first in added fields."""
    keys = (field.key, *further_keys(form.prompt, form.nodes, field.grows or ""))
    if len(saved) > len(keys):
        problems.append(
            message(
                "“{step}” has {count} results, but “{field}” accepts at most {most}.",
                step=source.step,
                count=len(saved),
                field=field.label,
                most=len(keys),
            )
        )
    return {key: [result] for key, result in zip(keys, saved, strict=False)}


def _joined(texts: Sequence[Given]) -> Given:
    """Return all texts as one, each on its own line."""
    lines = (given.result.text for given in texts if isinstance(given.result, TextOutput))
    runs = tuple(dict.fromkeys(run for given in texts for run in given.runs))
    return replace(texts[0], result=TextOutput(texts[0].result.node, "\n".join(lines)), runs=runs)


def fitting(field: Field, source: Source, results: Sequence[Given]) -> Sequence[Given]:
    """Return a step's results that the field takes from the source: saved ones, if any."""
    by_node = (given for given in results if source.node in ("", given.result.node))
    fit = [given for given in by_node if takes_from(field, source, _kind(given.result))]
    return [given for given in fit if not _is_preview(given.result)] or fit


def _kind(result: Result) -> ResultKind:
    return "text" if isinstance(result, TextOutput) else result.kind


def _is_preview(result: Result) -> bool:
    return isinstance(result, OutputFile) and result.type == "temp"


@dataclass(frozen=True, slots=True)
class StepBegin:
    """Start of a run: number `number` (from 1) of the `runs` runs of step `step`."""

    step: str
    number: int
    runs: int
    run: Run


@dataclass(frozen=True, slots=True)
class StepEnd:
    """End of a run: number `number` (from 1) of the `runs` runs of step `step`. The outcome is an
    error if it didn't start or its results are lost."""

    step: str
    number: int
    runs: int
    outcome: Record | ComfyError

    @property
    def is_done(self) -> bool:
        """Return whether the run finished with its results."""
        return isinstance(self.outcome, Record) and self.outcome.state.phase is Phase.DONE

    @property
    def is_stopped(self) -> bool:
        return isinstance(self.outcome, Record) and _is_stopped(self.outcome)


@dataclass(slots=True)
class _Ends:
    """Ends of the runs of each started step, and the number of runs that are `left`."""

    left: dict[str, int] = field(default_factory=dict)
    ends: dict[str, dict[int, StepEnd]] = field(default_factory=dict)

    @property
    def done(self) -> set[str]:
        """Return the steps whose runs are all done."""
        return {
            name
            for name, left in self.left.items()
            if not left and all(end.is_done for end in self.ends[name].values())
        }

    def count(self, step: str) -> int:
        """Return the number of a step's runs."""
        return self.left[step] + len(self.ends.get(step, {}))

    def add(self, step: str, number: int, outcome: Record | ComfyError) -> StepEnd:
        end = StepEnd(step, number, self.count(step), outcome)
        self.ends.setdefault(step, {})[number] = end
        self.left[step] -= 1
        return end

    def results(self) -> dict[str, tuple[Given, ...]]:
        """Return all results by step, in the order of its runs."""
        return {
            name: tuple(
                Given(result, (record.id,), record.server)
                for _, end in sorted(ends.items())
                if isinstance(record := end.outcome, Record)
                for result in _results(record)
            )
            for name, ends in self.ends.items()
        }


class ChainRunner:
    """Runner of an owner's chains. Needs a run history, to find finished runs."""

    def __init__(self, starter: Starter, origin: Origin, *, sharers: str) -> None:
        """Create a runner. Chains of the same `sharers` reuse each other's finished runs."""
        self._starter = starter
        self._tasks = TaskRunner(starter, origin)
        self._owner = origin.owner
        self._planner = StepPlanner(starter, origin.owner)
        self._sharers = sharers

    def run(
        self,
        chain_id: str,
        steps: Sequence[PlannedStep],
        *,
        again: Mapping[str, Collection[str]],
        watch: Callable[[RunStates], None] | None = None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Iterator[StepBegin | StepEnd]:
        """Run the steps, and yield the start and the end of each run. Steps that don't wait for
        each other run together; a failed step stops only the steps that need it.

        `chain_id` is the group of all runs. `again` names the steps that run although they are
        done, each with the ids of the runs that already started for this. `watch` is as in
        `LiveTasks`. While there are too many runs, new ones wait as long as the chain is `wanted`.
        A run of another chain that was stopped there starts again for this chain.
        """
        by_name = {step.name: step for step in steps}
        ends = _Ends()
        waiting: deque[tuple[str, int, StepRun]] = deque()
        started: dict[tuple[str, int], StepRun] = {}
        with LiveTasks[tuple[str, int]](self._starter.runs, watch) as live:
            while wanted():
                for step in due([step.step for step in steps], ends.left, ends.done):
                    match _runs(by_name[step.name], ends):
                        case ComfyError() as problem:
                            yield ends.add(step.name, 1, problem)
                        case runs:
                            waiting += ((step.name, *run) for run in enumerate(runs, 1))
                while waiting and not live.is_full:
                    name, number, run = waiting.popleft()
                    try:
                        task = self._task(by_name[name], run, chain_id)
                        run_or_record = self._tasks.begin(task, again=again.get(name))
                    except TooManyPaidRuns as error:
                        yield ends.add(name, number, error)
                    except Overloaded as error:
                        waiting.appendleft((name, number, run))
                        if not live:
                            live.wait(error, wanted)
                        break
                    except ComfyError as error:
                        yield ends.add(name, number, error)
                    else:
                        live.add((name, number), run_or_record)
                        started[name, number] = run
                        if not isinstance(run_or_record, Record):
                            yield StepBegin(name, number, ends.count(name), run_or_record)
                if not live:
                    if waiting:
                        continue
                    return
                if not waiting and live.are_all_at_work:  # otherwise runs remain to be found again
                    self._tasks.cancel_others(chain_id, live)
                for (name, number), record in live.ended():
                    if _is_stopped(record) and record.group != chain_id and wanted():
                        waiting.append((name, number, started[name, number]))
                    else:
                        yield ends.add(name, number, self._outcome(record))

    def _outcome(self, record: Record) -> Record | ComfyError:
        if record.state.phase is not Phase.DONE or self._tasks.is_done(record):
            return record
        error = record.state.error
        if error is not None:
            return ComfyError(error.message, error.hint)
        return ComfyError(NOT_FETCHED, message("Try again."))

    def _task(self, step: PlannedStep, run: StepRun, chain_id: str) -> Task:
        """Return a run of a step as a task, whose id depends on everything that its results depend
        on."""
        own = self._planner.own_values(step, {**run.values, **run.given})
        taken = {key: given for key, given in run.given.items() if key in own}
        given = {key: self._value(one) for key, one in taken.items()}
        workflow, form = self._starter.forms.form(step.step.workflow, self._owner, {**own, **given})
        # Braces in a step's result aren't alternatives.
        values = {**own, **literal_texts(drawn_texts(form), given)}
        task_id = _content_id(self._sharers, workflow, form, values)
        parents = tuple(dict.fromkeys(run for one in taken.values() for run in one.runs))
        return Task(task_id, step.step.workflow, values, chain_id, parents)

    def _value(self, given: Given) -> Upload | str:
        """Return a result as the value of a field. Raises WorkflowError if its file was deleted."""
        result = given.result
        if isinstance(result, TextOutput):
            return result.text
        path = self._starter.blobs.path(result.digest)
        if path is None:
            raise WorkflowError(
                message("{name} is no longer available.", name=result.name),
                message("Run the step that created it again."),
            )
        return Upload(result.name, path, result=server_file(given.server, result))


def _runs(step: PlannedStep, ends: _Ends) -> tuple[StepRun, ...] | ComfyError:
    """Return the runs of a due step, or why it can't run, and note that it started."""
    try:
        runs = runs_of(step, ends.results())
    except ComfyError as error:
        ends.left[step.name] = 1
        return error
    ends.left[step.name] = len(runs)
    return runs


def _is_stopped(record: Record) -> bool:
    return record.state.phase is Phase.STOPPED and record.state.error is None


def _results(record: Record) -> tuple[Result, ...]:
    return (*record.state.files, *record.state.texts)


def _content_id(
    sharers: str, workflow: Workflow, form: Form, values: Mapping[str, object]
) -> uuid.UUID:
    """Return the id of a run by content: the same workflow, values and files of the same `sharers`
    have the same id, since their results are the same."""
    named = {item.key: item.default for item in form.fields} | dict(values)
    # An empty added file changes nothing.
    used = {key: value for key, value in named.items() if value is not None}
    parts = [sharers, workflow.prompt, sorted(output.node for output in form.outputs), used]
    content = json.dumps(parts, default=content_of, sort_keys=True)
    return uuid.uuid5(_NAMESPACE, hashlib.sha256(content.encode()).hexdigest())
