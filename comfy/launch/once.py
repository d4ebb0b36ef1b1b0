"""Tasks that run exactly once, even if the app is killed in between. The id of a task's run is
deterministic, so a restarted app finds it again."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, Self, TypeVar

from comfy.base.errors import ComfyError, LimitReached, RunGoesOn
from comfy.base.messages import message
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.form.missing_items import MissingChoice, sentences_about
from comfy.form.model import Form
from comfy.launch.start import FieldErrors, RowJudge, Starter
from comfy.launch.uploads import KeptUpload, Upload
from comfy.records.record import Record
from comfy.runs.interface import Origin, Run, RunPolicy, RunRegistry

# Message about a successful run whose results aren't stored here.
NOT_FETCHED = message("Its results could not be fetched.")
_COMBINATIONS = 200  # limit of checked combinations, to save time
_FREE = ("STRING", "INT", "FLOAT")  # types of values that any server accepts
_POLICY = RunPolicy(watched=False, keeps_going=True)
_PAUSE, _MINUTE = 1.0, 60.0  # seconds
_WAITING = 2  # tasks beyond those on the servers, so that no server waits for its next one

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Task:
    """A task that must run once: a workflow with values. Equal tasks have the same `id`. `group`,
    `parents`: see `Record`."""

    id: uuid.UUID
    workflow: str
    values: Mapping[str, object]
    group: str
    parents: tuple[str, ...] = ()


class TaskRunner:
    """Runs tasks, and finds those that have run. The registry needs a history."""

    def __init__(self, starter: Starter, origin: Origin) -> None:
        self._starter = starter
        self._runs = starter.runs
        self._origin, self._owner = origin, origin.owner
        self._judge = RowJudge(partial(starter.judged_values, owner=origin.owner))

    def last_of(self, tasks: Mapping[Key, uuid.UUID]) -> dict[Key, tuple[Record, int]]:
        """Return the record of each tried task's last try, with the number of tries before it, by
        the caller's keys. `tasks`: the tasks' ids."""
        last_tries: dict[Key, tuple[Record, int]] = {}
        pending, tries = dict(tasks), 0
        while pending:
            ids = {run_id_of(task, tries): key for key, task in pending.items()}
            records = self._runs.history.get_many(ids, self._owner)
            some = {ids[run_id]: (record, tries) for run_id, record in records.items()}
            last_tries |= some
            pending, tries = {key: pending[key] for key in some}, tries + 1
        return last_tries

    def is_done(self, record: Record) -> bool:
        """Return whether a run is done and all its results are stored here."""
        files, state = self._starter.blobs, record.state
        is_done = state.phase is Phase.DONE and state.error is None
        return is_done and all(files.path(one.digest) for one in state.files)

    def begin(
        self, task: Task, *, again: Collection[str] | None = None, is_new: bool = False
    ) -> Run | Record:
        """Return a task's run: the one still active since before a restart, or a new one. If the
        task is done, return its record. Failed tries are repeated.

        `again`: run a finished task again, unless its last run is among these ids of earlier
        repetitions. `is_new`: the task hasn't been tried yet. Raises like `Starter.start`.
        """
        record, tries = (None, 0) if is_new else self._last(task)
        if record is not None and self.is_done(record) and (again is None or record.id in again):
            return record
        if record is not None and not record.state.phase.finished:
            return self._runs.get(record.id, self._owner)
        run_id = run_id_of(task.id, tries)
        try:
            return self._starter.start(
                task.workflow,
                task.values,
                replace(self._origin, group=task.group, parents=task.parents, run_id=run_id),
                _POLICY,
                judge=self._judge.judged,
            )
        except RunGoesOn:  # another thread has started the same task in the meantime
            return self._runs.get(run_id, self._owner)

    def cancel_others(self, group: str, live: LiveTasks[Key]) -> None:
        """Cancel a group's resumed runs that aren't in `live`: after the restart they are no longer
        needed."""
        for run in self._runs.line_of(self._owner):
            if run.record.group == group and run.id not in live.run_ids:
                run.cancel()

    def _last(self, task: Task) -> tuple[Record | None, int]:
        """Return the record of the last try (or None), and the number of tries."""
        last, tries = None, 0
        while record := self._runs.history.get(run_id_of(task.id, tries), self._owner):
            last, tries = record, tries + 1
        return last, tries


class LiveTasks(Generic[Key]):
    """Started tasks whose end hasn't been reported yet, by the caller's keys."""

    def __init__(
        self, runs: RunRegistry, watch: Callable[[Mapping[Key, RunState]], None] | None = None
    ) -> None:
        """`watch`: called during `ended` with the states of all tasks whenever a state changes."""
        self._watch = watch
        self._live: dict[Key, Run | Record] = {}
        self._changed, self._some_ended = threading.Event(), threading.Event()
        self._most = _WAITING + runs.room
        self._leave = runs.subscribe(self._look)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def __len__(self) -> int:
        return len(self._live)

    @property
    def is_full(self) -> bool:
        """Return whether the maximum number of tasks is in progress."""
        return len(self._live) >= self._most

    @property
    def are_all_at_work(self) -> bool:
        """Return whether none of the tasks has finished."""
        return not any(one.state.phase.finished for one in tuple(self._live.values()))

    @property
    def run_ids(self) -> frozenset[str]:
        return frozenset(one.id for one in self._live.values())

    def add(self, key: Key, run: Run | Record) -> None:
        """Add the result of `TaskRunner.begin`."""
        self._live[key] = run
        if self._watch is not None and not isinstance(run, Record):
            run.subscribe(self._changed.set)

    def wait(self, refusal: ComfyError, wants_more: Callable[[], bool]) -> None:
        """Wait before a refused task is tried again: at a limit of runs per hour or day until it
        ends, at most a minute, because an administrator may raise it; otherwise until any run
        changes, at most a second."""
        seconds = min(refusal.seconds, _MINUTE) if isinstance(refusal, LimitReached) else 0.0
        end = time.monotonic() + seconds
        while True:
            self._changed.wait(_PAUSE)
            self._changed.clear()
            if not wants_more() or time.monotonic() >= end:
                return

    def ended(self) -> Iterator[tuple[Key, Record]]:
        """Wait until at least one task has finished. Remove the finished tasks and yield them."""
        awaited = self._some_ended if self._watch is None else self._changed
        while self._live:
            awaited.clear()
            ended = [key for key, run in self._live.items() if run.state.phase.finished]
            for key in ended:
                run = self._live.pop(key)
                yield key, run if isinstance(run, Record) else run.record
            if ended:
                return
            if self._watch is not None:
                self._watch({key: run.state for key, run in self._live.items()})
            awaited.wait()

    def _look(self, _owner: str) -> None:
        """Check for finished tasks without waking the waiting thread on every state change."""
        self._changed.set()
        if not self.are_all_at_work:
            self._some_ended.set()


def own_values(
    starter: Starter,
    workflow: str,
    values: Mapping[str, object],
    of_options: Collection[str],
    owner: str,
) -> Mapping[str, object]:
    """Return a run's values without the keys `of_options` that its own form lacks, because the run
    chooses an option that has other fields."""
    if not of_options:
        return values
    _, form = starter.forms.form(workflow, owner, values)
    others = set(of_options) - {field.key for field in form.fields}
    return {key: value for key, value in values.items() if key not in others}


def lacking(form: Form, values: Mapping[str, object]) -> Iterator[str]:
    """Return messages about the workflow's missing parts on the server, except choices that
    `values` override."""
    return sentences_about(
        one
        for one in form.missing
        if not isinstance(one, MissingChoice) or values.get(one.key, one.value) == one.value
    )


def conflicts_in(
    starter: Starter, workflow: str, rows: Iterable[Mapping[str, object]], owner: str
) -> Iterator[tuple[int, FieldErrors]]:
    """Yield the index of each row whose choices no single server has together, with the errors by
    field key, "" without a field.

    Each message appears once, and each combination of choices is checked once. Raises like
    `Forms.form`.
    """
    if len(starter.servers.servers) == 1:
        return
    _, plain = starter.forms.form(workflow, owner)
    free = {one.key for one in plain.fields if one.type in _FREE and not one.is_choice}
    seen: set[frozenset[tuple[str, str]]] = set()
    reported: set[tuple[str, str]] = set()
    for index, values in enumerate(rows):
        chosen = frozenset((key, _told(one)) for key, one in values.items() if key not in free)
        if chosen in seen:
            continue
        if len(seen) == _COMBINATIONS:
            return
        seen.add(chosen)
        form, errors = starter.conflicts(workflow, values, owner)
        if new := {key: said for key, said in errors.items() if (key, said) not in reported}:
            reported.update(new.items())
            yield index, FieldErrors(form, new)


def _told(value: object) -> str:
    """Return a key for a choice. All files have the same key because the app uploads them to any
    server."""
    return type(value).__name__ if isinstance(value, Upload | KeptUpload) else repr(value)


def run_id_of(task: uuid.UUID, tries: int) -> str:
    """Return the run id of a task's try, after this many earlier tries. It is deterministic, so no
    try starts twice."""
    return str(uuid.uuid5(task, str(tries)))
