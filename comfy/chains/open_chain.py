"""Chain in memory and in the database: the progress of each step, for the thread that runs it and
for readers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from comfy.base.errors import ComfyError
from comfy.base.messages import KeptText, message, sentences
from comfy.chains.forms import ChainPlan
from comfy.chains.model import ChainValues, StepKey, parse_values, text_values
from comfy.chains.runner import RunStates, StepBegin, StepEnd
from comfy.comfyui.protocol.run_state import RunState
from comfy.form.check import labelled_errors
from comfy.form.model import Form
from comfy.form.server_errors import field_of_failure, place_errors
from comfy.groups.queue import OpenGroup
from comfy.launch.start import FieldErrors
from comfy.launch.uploads import Upload, kept_uploads, values_from_json, values_to_json
from comfy.records.blobs import BlobStore
from comfy.records.database import Within, no_more
from comfy.records.groups import Group, GroupTooLarge
from comfy.records.record import Record
from comfy.records.store import RunStore
from comfy.runs.interface import Run

ChainPhase = Literal["running", "done", "failed", "stopped"]
StepPhase = Literal["waiting", "running", "done", "failed", "stopped"]
# Called in the chain's thread: with each ended run, with the states of live runs whenever one
# changes, and with None after the last of them.
ChainWatch = Callable[[StepEnd | RunStates | None], None]
_RUNS_BY_STEP = TypeAdapter(dict[str, tuple[str, ...]])


@dataclass(frozen=True, slots=True)
class StepSummary:
    """Progress of a step: documents and records have these fields.

    `runs`: the number of its runs, 0 while unknown. `done`: how many of them succeeded. `live`: ids
    of the unfinished runs. `ended`: ids of the other runs, by number. `same`: it ran again and made
    the same result. `why` it failed and a `hint`, in sentences; `errors` by the chain's field keys.
    """

    name: str
    title: KeptText
    state: StepPhase = "waiting"
    runs: int = 0
    done: int = 0
    live: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    same: bool = False
    why: KeptText = ""
    hint: KeptText = ""
    errors: Mapping[str, KeptText] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChainSummary:
    """Chain in a list.

    `workflow`: the chain's name in the workflow folder. `why`: why the chain failed, if no step
    explains it. `created_at` in seconds since 1970. `seconds`: how long an ended chain ran, without
    the time before it was resumed. `results`: the record of each step's last run with results, by
    the step's name; not shown to users.
    """

    id: str
    owner: str
    workflow: str
    title: str
    state: ChainPhase
    created_at: float
    steps: tuple[StepSummary, ...] = ()
    why: str = ""
    seconds: float | None = None
    results: Mapping[str, Record] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Return whether the chain has ended; a user may still resume it."""
        return self.state != "running"

    def step_of(self, run_id: str) -> StepSummary | None:
        """Return the step that this run belongs to now."""
        return next((one for one in self.steps if run_id in (*one.ended, *one.live)), None)


_STEPS = TypeAdapter(tuple[StepSummary, ...])


class OpenChain(OpenGroup[ChainSummary]):
    """Chain in memory. Methods hold a lock briefly, and only `join_cancelled` waits.

    `plan` is the plan of the last press, until the chain's thread takes it; `watch` follows the
    chain.
    """

    _state: ChainPhase
    _live: dict[tuple[str, int], Run]  # by step and run number

    def __init__(self, group: Group) -> None:
        super().__init__(group)
        self.workflow = str(group.about.get("chain", ""))
        self.watch: ChainWatch | None = None
        self._plan: ChainPlan | None = None
        self._idle = float(group.about.get("idle", 0))  # seconds between earlier ends and resumes
        self._goes_on = False  # resumed while its thread still stops the old runs
        self._state = "stopped" if group.state == "paused" else group.state
        self._steps = {step.name: step for step in _steps(group.progress.get("steps"))}
        self._again = _runs_by_step(group.progress.get("again"))
        self._live = {}
        self._ended: dict[str, dict[int, str]] = {}  # ids of finished runs, likewise
        self._results: dict[str, Record] = {}

    @property
    def state(self) -> ChainPhase:
        """Return the chain's current phase, or how it ended."""
        return self._state

    @property
    def summary(self) -> ChainSummary:
        """See `OpenGroup`, with the results."""
        with self.lock:
            return ChainSummary(
                self.id,
                self.owner,
                self.workflow,
                self.title,
                self._state,
                self._group.created_at,
                tuple(self._steps.values()),
                self._why,
                self._ended_at and self._ended_at - self._group.created_at - self._idle,
                dict(self._results),
            )

    @property
    def done(self) -> frozenset[str]:
        """Return the names of the steps that are done."""
        with self.lock:
            return frozenset(one.name for one in self._steps.values() if one.state == "done")

    @property
    def again(self) -> dict[str, frozenset[str]]:
        """Return the steps to run although they are done, each with the ids of the runs that have
        started since. Such a run may also belong to another step."""
        with self.lock:
            run_ids = frozenset(run for runs in self._again.values() for run in runs)
            return dict.fromkeys(self._again, run_ids)

    def known(self, step: str, record: Record) -> None:
        """Note a finished run of a step, in the order of their numbers; the last one with results
        is the step's result."""
        if record.state.files or record.state.texts:
            with self.lock:
                self._results[step] = record

    # Called for users

    def press(self, plan: ChainPlan, again: Collection[str] = ()) -> None:
        """Hand a plan to the chain's thread, which also runs the done steps in `again`."""
        with self.lock:
            self._plan = plan
            self._again |= dict.fromkeys(again, ())
            self.begin(plan)

    def stop(self) -> None:
        """See `OpenGroup`: start no other step. Runs that another chain started continue."""
        with self.lock:
            if self._state != "running":
                return
            self._end("stopped")
            for step in self._steps.values():
                if step.state in ("running", "waiting"):
                    self._set(step.name, state="stopped", live=())
            live = tuple(self._live.values())
        for run in filter(self._is_own, live):
            run.cancel()

    def go_on(self, plan: ChainPlan, again: Collection[str] = ()) -> None:
        """Resume with this plan, after the stopped runs have ended. See `press`."""
        with self.lock:
            self._goes_on = self.thread is not None
            self._idle += time.time() - self._ended_at if self._ended_at else 0
            self._reopen()
            self.press(plan, again)

    def add_text_sources(self, text_sources: Collection[str]) -> None:
        """Add runs whose texts are among the chain's values."""
        with self.lock:
            self.text_sources = tuple(dict.fromkeys((*text_sources, *self.text_sources)))

    # Called in the chain's thread

    @property
    def is_over(self) -> bool:
        """Return whether the thread has to abandon the current steps."""
        return self._state == "stopped" or self._goes_on

    def take_plan(self) -> ChainPlan | None:
        """Return the plan of the last press the first time; then, and after a restart of the app,
        None."""
        with self.lock:
            plan, self._plan = self._plan, None
            return plan

    def begin(self, plan: ChainPlan) -> None:
        """Note the steps before the first one starts."""
        with self.lock:
            if self._state == "running":
                self._ended = {}
                self._steps = {step.name: StepSummary(step.name, step.title) for step in plan.steps}

    def begun(self, begin: StepBegin) -> None:
        """Note that a run of a step started."""
        with self.lock:
            last = self._live.get((begin.step, begin.number))  # set if another chain stopped it
            self._live[begin.step, begin.number] = begin.run
            is_over = self.is_over
            if not is_over:
                if begin.step in self._again:
                    self._again[begin.step] += (begin.run.id,)
                step = self._steps[begin.step]
                over = {begin.run.id, last.id if last else ""}
                live = (*(run_id for run_id in step.live if run_id not in over), begin.run.id)
                state = "failed" if step.state == "failed" else "running"
                self._set(begin.step, state=state, runs=begin.runs, live=live)
        if is_over and self._is_own(begin.run):
            begin.run.cancel()

    def join_cancelled(self) -> None:
        """Wait for the end of canceled runs, which can't restart earlier."""
        with self.lock:
            own, self._live = [*filter(self._is_own, self._live.values())], {}
        for run in own:
            for _ in run.watch():
                pass

    def ended(self, end: StepEnd, form: Form) -> None:
        with self.lock:
            if self._goes_on:
                return  # a run of the stopped steps
            step = self._steps[end.step]
            runs = max(step.runs, end.runs)
            if isinstance(end.outcome, ComfyError):
                self._fail(end.step, runs, *_error_texts(step.name, end.outcome))
                return
            record = end.outcome
            self._live.pop((end.step, end.number), None)
            live = tuple(run_id for run_id in step.live if run_id != record.id)
            by_number = self._ended.setdefault(end.step, {})
            by_number[end.number] = record.id
            ended = tuple(run_id for _, run_id in sorted(by_number.items()))
            self._set(end.step, live=live, runs=runs, ended=ended)
            before = self._results.get(end.step)
            if before is None or before.id not in ended[ended.index(record.id) + 1 :]:
                self.known(end.step, record)
            if end.is_done:
                done = step.done + 1
                state = "done" if done == runs else self._steps[end.step].state
                self._set(end.step, done=done, state=state)
                if state == "done" and end.step in self._again:
                    del self._again[end.step]
                    same = runs == 1 and before is not None and _results(before) == _results(record)
                    self._set(end.step, same=same)
            elif end.is_stopped:
                self.stop()
            else:
                self._fail(end.step, runs, *_failure_texts(step.name, record.state, form))

    def end_or_go_on(self) -> bool:
        with self.lock:
            goes_on, self._goes_on = self._goes_on, False
            if self._state == "running":
                if goes_on:
                    return True
                done = all(one.state == "done" for one in self._steps.values())
                self._end("done" if done else "failed")
            self.thread = None
            return False

    def fail(self, problem: ComfyError) -> None:
        with self.lock:
            if self._state == "running" and not self._goes_on:
                self._end("failed", sentences(str(problem), problem.hint))

    def _is_own(self, run: Run) -> bool:
        """Return whether this chain started the run, and may cancel it."""
        return run.record.group == self.id

    def _fail(self, name: str, runs: int, why: str, hint: str, errors: Mapping[str, str]) -> None:
        if self._state == "running":
            self._set(name, state="failed", runs=runs, why=why, hint=hint, errors=errors)

    def _about(self) -> Mapping[str, Any]:
        return {"idle": self._idle}

    def _progress(self) -> Mapping[str, Any]:
        steps = _STEPS.dump_python(tuple(self._steps.values()), mode="json", round_trip=True)
        return {"steps": steps, "again": {step: [*runs] for step, runs in self._again.items()}}

    def _set(self, name: str, **changes: Any) -> None:
        self._steps[name] = replace(self._steps[name], **changes)


def _results(record: Record) -> tuple[object, ...]:
    """Return a key that identifies the results of a run: file contents and texts."""
    state = record.state
    return (*(file.digest for file in state.files), *(text.text for text in state.texts))


def _steps(data: object) -> tuple[StepSummary, ...]:
    try:
        return _STEPS.validate_python(data or [])
    except ValidationError:
        return ()


def _runs_by_step(data: object) -> dict[str, tuple[str, ...]]:
    try:
        return _RUNS_BY_STEP.validate_python(data or {})
    except ValidationError:
        return {}


def _error_texts(step: str, error: ComfyError) -> tuple[str, str, dict[str, str]]:
    """Return why a run didn't start, a hint, and the errors of fields."""
    if isinstance(error, FieldErrors):
        errors = {str(StepKey(step, key)): text for key, text in error.errors.items()}
        return sentences(*error.labelled.values()), "", errors
    return str(error), error.hint, {}


def _failure_texts(step: str, state: RunState, form: Form) -> tuple[str, str, dict[str, str]]:
    """Return why a run failed, a hint, and the errors of fields."""
    errors, remarks = place_errors(form, state.node_errors)
    error = state.error
    if error and (item := field_of_failure(form, error.node, error.detail, {})) and not errors:
        errors = {item.key: error.message}
    by_key = {str(StepKey(step, key)): text for key, text in errors.items()}
    if state.node_errors:
        return sentences(*labelled_errors(form, errors).values(), *remarks), "", by_key
    if error is None:
        return message("It has no result."), "", by_key
    return error.message, error.hint, by_key


def save_chain(
    history: RunStore, blobs: BlobStore, group: Group, values: ChainValues, within: Within = no_more
) -> None:
    """Store a chain with copies of the files among its values, or replace it.

    Raises ComfyError if the values or files are too large; the stored chain is then unchanged.
    """
    texts = text_values(values)
    uploads = {key: value for key, value in texts.items() if isinstance(value, Upload)}
    with kept_uploads(blobs, history, uploads) as kept:
        content = {"values": values_to_json({**texts, **kept})}
        try:
            digests = {file.digest for file in kept.values()}
            history.groups.put(group, content, digests, within)
        except GroupTooLarge as error:
            raise ComfyError(
                message("This is too large to save."),
                message("Shorten a text."),
            ) from error


def load_chain_values(history: RunStore, chain_id: str, owner: str) -> dict[StepKey, object]:
    """Return the values of an owner's chain; files are `KeptUpload`s."""
    content = history.groups.content(chain_id, owner) or {}
    return parse_values(values_from_json(content.get("values", {})))
