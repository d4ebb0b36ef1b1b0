"""A chain that goes on, or has ended: how far each step is, for the thread that runs it and for all
who look."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from comfy.base.errors import ComfyError
from comfy.base.messages import KeptText, message, message_from_json, message_to_json, sentences
from comfy.chains.forms import ChainForm
from comfy.chains.keys import step_key
from comfy.chains.runner import StepBegin, StepEnd, StepProblem
from comfy.comfyui.protocol.run_state import RunState
from comfy.form.check import labelled_errors
from comfy.form.model import Form
from comfy.form.server_errors import field_of_node, place_errors
from comfy.groups.queue import OpenGroup
from comfy.launch.start import FieldErrors
from comfy.records.groups import Group
from comfy.records.record import Record
from comfy.runs.interface import Run

ChainPhase = Literal["running", "done", "failed", "stopped"]
StepPhase = Literal["waiting", "running", "done", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class StepStanding:
    """How far a step is. `runs`: how many it has, 0 while nobody knows; `live`: the ids of those
    that go on, `ended`: of the others, as they ended; `done`: how many have made what they were to.
    `same`: it was done, has run again, and made what it had made before. `why` it failed, in
    sentences, and `errors`: the same for its fields, by the chain's keys."""

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
class ChainStanding:
    """How far a chain is. `chain`: its name in the folder. `why` it could not go on, where that is
    about no step. `results`: of the steps that have made something, the record of the last run
    that has. `seconds` it took in all once it has ended, without the time before somebody let it go
    on."""

    id: str
    owner: str
    chain: str
    title: str
    state: ChainPhase
    created_at: float
    steps: tuple[StepStanding, ...] = ()
    why: str = ""
    results: Mapping[str, Record] = field(default_factory=dict)
    seconds: float | None = None

    @property
    def finished(self) -> bool:
        """It is over, unless somebody lets it go on."""
        return self.state != "running"


_STEPS = TypeAdapter(tuple[StepStanding, ...])
_RUNS_BY_STEP = TypeAdapter(dict[str, tuple[str, ...]])


class OpenChain(OpenGroup):
    """Each method holds a lock for a moment, and none waits but `join_cancelled`. `changing`: held
    while it is let go on."""

    def __init__(self, group: Group) -> None:
        """As it is remembered."""
        super().__init__(group)
        self.chain = str(group.about.get("chain", ""))
        self.title = str(message_from_json(group.about.get("title", "")))
        self.changing = threading.Lock()
        self._created_at, self._ended_at = group.created_at, group.ended_at
        self._idle = float(group.about.get("idle", 0))  # seconds that it stood still
        self._goes_on = False  # what is at work is over, and it is to begin once more
        self._state: ChainPhase = "stopped" if group.state == "paused" else group.state
        self._why = str(message_from_json(group.about.get("why", "")))
        self._steps = {step.name: step for step in _steps(group.progress.get("steps"))}
        self._again = _begun_again(group.progress.get("again"))
        self._live: dict[tuple[str, int], Run] = {}  # by step, and which of its runs
        self._ended: dict[str, dict[int, str]] = {}  # of the others the ids, likewise
        self._results: dict[str, Record] = {}

    @property
    def state(self) -> ChainPhase:
        """What is to become of it, or has."""
        return self._state

    @property
    def standing(self) -> ChainStanding:
        """As people are told of it now."""
        with self.lock:
            return ChainStanding(
                self.id,
                self.owner,
                self.chain,
                self.title,
                self._state,
                self._created_at,
                tuple(self._steps.values()),
                self._why,
                dict(self._results),
                self._ended_at and self._ended_at - self._created_at - self._idle,
            )

    @property
    def group(self) -> Group:
        """See `OpenGroup`."""
        with self.lock:
            about: dict[str, Any] = {"chain": self.chain, "title": message_to_json(self.title)}
            about |= {"why": message_to_json(self._why), "address": self.address}
            about |= {"idle": self._idle, "text_sources": [*self.text_sources]}
            steps = _STEPS.dump_python(tuple(self._steps.values()), mode="json", round_trip=True)
            return Group(
                self.id,
                self.owner,
                "chain",
                self._created_at,
                self._state,
                about,
                {"steps": steps, "again": {step: [*runs] for step, runs in self._again.items()}},
                self._ended_at,
            )

    @property
    def done(self) -> frozenset[str]:
        """The names of the steps that are done."""
        with self.lock:
            return frozenset(one.name for one in self._steps.values() if one.state == "done")

    @property
    def again(self) -> dict[str, frozenset[str]]:
        """The steps that are to run though they were done, until they are; of each the ids of the
        runs that were begun since, which may be another step's too."""
        with self.lock:
            begun = frozenset(run for runs in self._again.values() for run in runs)
            return dict.fromkeys(self._again, begun)

    def known(self, step: str, record: Record) -> None:
        """A run of a step that has ended, told by their numbers; the last that has made something
        is its result."""
        if record.state.files or record.state.texts:
            with self.lock:
                self._results[step] = record

    @property
    def is_at_work(self) -> bool:
        """See `OpenGroup`."""
        with self.lock:
            return bool(self._live)

    # What people want

    def stop(self) -> None:
        """See `OpenGroup`: no other step is begun. Runs that another chain has begun go on."""
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

    def go_on(self, form: ChainForm, again: Collection[str] = ()) -> None:
        """Let it run again with these steps, once what was stopped is at its end. `again`: those
        that run though they are done."""
        with self.lock:
            self._again |= dict.fromkeys(again, ())
            self._goes_on = self.thread is not None
            self._idle += time.time() - self._ended_at if self._ended_at else 0
            self._state, self._why, self._ended_at = "running", "", None
            self.begin(form)

    def add_text_sources(self, text_sources: Collection[str]) -> None:
        """Its values have texts of these runs from now on."""
        with self.lock:
            self.text_sources = tuple(dict.fromkeys((*text_sources, *self.text_sources)))

    # What its thread finds

    @property
    def is_over(self) -> bool:
        """Nothing is wanted any more of what its thread is at."""
        return self._state == "stopped" or self._goes_on

    def begin(self, form: ChainForm) -> None:
        """These are its steps, none of which is begun."""
        with self.lock:
            if self._state == "running":
                self._ended = {}
                self._steps = {
                    one.step.name: StepStanding(one.step.name, one.title) for one in form.runs
                }

    def begun(self, begun: StepBegin) -> None:
        """A run of a step goes on."""
        with self.lock:
            last = self._live.get((begun.step, begun.number))  # that another chain has stopped
            self._live[begun.step, begun.number] = begun.run
            is_over = self.is_over
            if not is_over:
                if begun.step in self._again:
                    self._again[begun.step] += (begun.run.id,)
                step = self._steps[begun.step]
                over = {begun.run.id, last.id if last else ""}
                live = (*(one for one in step.live if one not in over), begun.run.id)
                state = "failed" if step.state == "failed" else "running"
                self._set(begun.step, state=state, runs=begun.runs, live=live)
        if is_over and self._is_own(begun.run):
            begun.run.cancel()

    def join_cancelled(self) -> None:
        """Wait until what was cancelled has ended: it can't be begun anew before."""
        with self.lock:
            own, self._live = [*filter(self._is_own, self._live.values())], {}
        for run in own:
            for _ in run.watch():
                pass

    def ended(self, end: StepEnd, form: Form) -> None:
        """What became of a run of a step; `form`: that of the step."""
        with self.lock:
            if self._goes_on:
                return  # of what was stopped before
            step = self._steps[end.step]
            runs = max(step.runs, end.runs)
            if isinstance(end.outcome, StepProblem):
                self._fail(end.step, runs, *_told(step.name, end.outcome.error))
                return
            record = end.outcome
            self._live.pop((end.step, end.run), None)
            live = tuple(one for one in step.live if one != record.id)
            by_number = self._ended.setdefault(end.step, {})
            by_number[end.run] = record.id
            ended = tuple(run for _, run in sorted(by_number.items()))
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
                    same = runs == 1 and before is not None and _made(before) == _made(record)
                    self._set(end.step, same=same)
            elif end.is_stopped:
                self.stop()
            else:
                self._fail(end.step, runs, *_why(step.name, record.state, form))

    def end_or_go_on(self) -> bool:
        """See `OpenGroup`: whether it is to begin once more."""
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
        """See `OpenGroup`."""
        with self.lock:
            if self._state == "running" and not self._goes_on:
                self._why = sentences(str(problem), problem.hint)
                self._end("failed")

    def _is_own(self, run: Run) -> bool:
        """It was begun for this chain; another one's is not stopped here."""
        return run.record.group == self.id

    def _fail(self, name: str, runs: int, why: str, hint: str, errors: Mapping[str, str]) -> None:
        if self._state == "running":
            self._set(name, state="failed", runs=runs, why=why, hint=hint, errors=errors)

    def _end(self, state: ChainPhase) -> None:
        self._state, self._ended_at = state, time.time()

    def _set(self, name: str, **changes: Any) -> None:
        self._steps[name] = replace(self._steps[name], **changes)


def _made(record: Record) -> tuple[object, ...]:
    """What a run has made: files by their content, and texts."""
    state = record.state
    return (*(file.digest for file in state.files), *(text.text for text in state.texts))


def _steps(told: object) -> tuple[StepStanding, ...]:
    try:
        return _STEPS.validate_python(told or [])
    except ValidationError:
        return ()


def _begun_again(told: object) -> dict[str, tuple[str, ...]]:
    try:
        return _RUNS_BY_STEP.validate_python(told or {})
    except ValidationError:
        return {}


def _told(step: str, problem: ComfyError) -> tuple[str, str, dict[str, str]]:
    """Why a step was not begun, what to do, and what is said on fields."""
    if isinstance(problem, FieldErrors):
        errors = {step_key(step, key): said for key, said in problem.errors.items()}
        return sentences(*problem.labelled.values()), "", errors
    return str(problem), problem.hint, {}


def _why(step: str, state: RunState, form: Form) -> tuple[str, str, dict[str, str]]:
    """The same of a run that came to nothing."""
    errors, remarks = place_errors(form, state.node_errors)
    error = state.error
    if error and (named := field_of_node(form, error.node)) and not errors:
        errors = {named.key: error.message}
    by_key = {step_key(step, key): said for key, said in errors.items()}
    if state.node_errors:
        return sentences(*labelled_errors(form, errors).values(), *remarks), "", by_key
    if error is None:
        return message("It made nothing."), "", by_key
    return error.message, error.hint, by_key
