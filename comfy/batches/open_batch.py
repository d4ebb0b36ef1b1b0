"""Batch in memory: its progress and the states of its rows, for the thread that runs it and for
watchers."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import indexOf
from typing import Any, Literal

from comfy.base.errors import (
    ComfyError,
    Overloaded,
    ServerError,
    ServerUnreachable,
    TooManyPaidRuns,
)
from comfy.base.messages import message_from_json, message_to_json, sentences
from comfy.batches.content import BatchContent
from comfy.batches.grids import few_words
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.groups.queue import OpenGroup
from comfy.launch.once import NOT_FETCHED, run_id_of
from comfy.launch.start import FieldErrors
from comfy.launch.uploads import Upload
from comfy.records.groups import Group
from comfy.records.record import Record
from comfy.runs.interface import Origin, Run, RunRegistry

RowState = Literal["waiting", "running", "done", "failed", "stopped"]
_LETTERS: Mapping[str, RowState] = {"w": "waiting", "d": "done", "f": "failed", "s": "stopped"}
_WORDS = {word: letter for letter, word in _LETTERS.items()}
_MOST_TRIES = 10_000  # of a row
BatchState = Literal["running", "paused", "stopped", "done"]
BatchChange = Literal["pause", "continue", "stop", "retry"]


class RowStates:
    """State of each row by its index, and its last run. Not thread-safe.

    A running row counts as waiting here; the run records have its outcome. `live`: the ids of
    active runs by row index, in copies for readers.
    """

    def __init__(self, batch: str, count: int, data: Mapping[str, Any] | None) -> None:
        """Restore the states from the output of `to_json`."""
        data = data or {}
        states = data.get("states", "")
        self._batch = uuid.UUID(batch)
        self._states = bytearray(
            states.encode() if isinstance(states, str) and len(states) == count else b"w" * count
        )
        self._tries = {int(at): int(tries) for at, tries in dict(data.get("tries", {})).items()}
        errors = dict(data.get("errors", {})).items()
        self._errors = {int(at): str(message_from_json(said)) for at, said in errors}
        self._instance, self._changes = secrets.token_hex(4), 0
        self._changed: dict[int, int] = {}  # number of the last change of each changed row
        self.live: Mapping[int, str] = {}

    def to_json(self) -> dict[str, Any]:
        return {
            "states": self._states.decode(),
            "tries": self._tries,
            "errors": {at: message_to_json(said) for at, said in self._errors.items()},
        }

    def copy(self) -> RowStates:
        copied = RowStates(str(self._batch), len(self._states), self.to_json())
        copied._instance, copied._changes = self._instance, self._changes
        copied._changed = self._changed.copy()
        return copied

    @property
    def mark(self) -> str:
        """Return a marker of the current state for `changed_since`."""
        return f"{self._instance}-{self._changes}"

    def changed_since(self, mark: str) -> set[int] | None:
        """Return the rows whose state or run may have changed since this mark. None if the mark is
        invalid or comes from another process of the app."""
        instance, _, changes = mark.partition("-")
        if instance != self._instance or not changes.isdecimal():
            return None
        return {at for at, change in self._changed.items() if change > int(changes)}

    def __len__(self) -> int:
        return len(self._states)

    def __getitem__(self, index: int) -> RowState:
        return _LETTERS[chr(self._states[index])]

    def count(self, state: RowState) -> int:
        return self._states.count(_WORDS[state].encode())

    def places(self, *states: RowState) -> list[int]:
        letters = {ord(_WORDS[state]) for state in states}
        return [at for at, letter in enumerate(self._states) if letter in letters]

    def set(self, places: Iterable[int], state: RowState) -> None:
        self._changes += 1
        for index in places:
            self._states[index] = ord(_WORDS[state])
            self._errors.pop(index, None)
            self._changed[index] = self._changes

    def tried(self, index: int, run: str) -> None:
        """Note that a row was started as this run. Raises ValueError for another row's run."""
        self._changes += 1
        self._changed[index] = self._changes
        task = row_id(self._batch, index)
        self._tries[index] = indexOf((run_id_of(task, at) for at in range(_MOST_TRIES)), run)

    def tell(self, index: int, error: str) -> None:
        """Note that a row failed without a run, with its error."""
        self.set([index], "failed")
        self._errors[index] = error

    def error(self, index: int) -> str:
        """Return a failed row's error from `tell`; "" for other rows."""
        return self._errors.get(index, "")

    def begun(self) -> dict[int, str]:
        """Return the ids of the last runs of the waiting rows that have run, by index."""
        return {at: self.run(at) for at in self._tries if self[at] == "waiting"}

    def run(self, index: int) -> str:
        """Return the id of the row's last run, or "" if it never ran."""
        tries = self._tries.get(index)
        return "" if tries is None else run_id_of(row_id(self._batch, index), tries)


def row_id(batch: uuid.UUID, index: int) -> uuid.UUID:
    """Return the id of the row's task."""
    return uuid.uuid5(batch, str(index))


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """Batch in a list: `title` and `workflow` as in a run, the number of `rows`, how many of them
    are `done` and `failed`, and `why` the batch is paused or waits. Also the labels of the `varied`
    fields, and the `first_values` of each in short form, or ""."""

    id: str
    title: str
    workflow: str
    state: BatchState
    rows: int
    done: int
    failed: int
    created_at: float
    why: str = ""
    varied: tuple[str, ...] = ()
    first_values: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        """Tell if it has ended; failed rows may still be retried."""
        return self.state in ("done", "stopped")

    @property
    def gave_up(self) -> bool:
        """Tell if it paused itself and waits for the user."""
        return self.state == "paused" and bool(self.why)


def about_batch(
    title: str, workflow: str, content: BatchContent, origin: Origin
) -> dict[str, object]:
    """Return the `Group.about` of a new batch."""
    labels = dict.fromkeys((column.label for column in content.shown), "")
    for axis in reversed(content.axes):
        values = [str(one) if isinstance(one, Upload) else one for one in axis.values]
        labels[axis.label] = few_words(values)
    return {
        "title": message_to_json(title),
        "workflow": workflow,
        "address": origin.address,
        "text_sources": [*origin.text_sources],
        "rows": len(content),
        "varied": [message_to_json(label) for label in labels],
        "first_values": list(labels.values()),
    }


class OpenBatch(OpenGroup[BatchSummary]):
    """Batch in memory. Each method holds a lock briefly, and none of them blocks."""

    _state: BatchState
    _live: dict[int, Run | Record]

    def __init__(self, group: Group, runs: RunRegistry, on_change: Callable[[], object]) -> None:
        """Restore the stored state. `on_change` is called when the reason to wait changes, and must
        not block."""
        super().__init__(group)
        self.workflow = str(group.about.get("workflow", ""))
        self._runs, self._told = runs, on_change
        self._state = "stopped" if group.state == "failed" else group.state
        self._waits_for = ""
        self._paused_at = float(group.about.get("paused_at", group.created_at))
        self._rows = RowStates(group.id, int(group.about.get("rows", 0)), group.progress)
        if self._state == "stopped":  # the app exited while they were being canceled
            self._rows.set(self._rows.places("waiting"), "stopped")
        self._live = {}
        self._new: set[int] = set()
        self._again: set[int] = set()  # active rows that were canceled, then resumed
        self.deleted_with_runs = False

    @property
    def state(self) -> BatchState:
        return self._state

    def was_paused_for(self, seconds: float) -> bool:
        """Tell if the batch has been paused for at least this many seconds."""
        return self._state == "paused" and time.time() - self._paused_at >= seconds

    @property
    def summary(self) -> BatchSummary:
        with self.lock:
            about = self._group.about
            return BatchSummary(
                self.id,
                self.title,
                self.workflow,
                self._state,
                len(self._rows),
                self._rows.count("done"),
                self._rows.count("failed"),
                self._group.created_at,
                self._why or (self._waits_for if self._state == "running" else ""),
                tuple(str(message_from_json(one)) for one in about.get("varied", ())),
                tuple(map(str, about.get("first_values", ()))),
            )

    def states(self) -> RowStates:
        with self.lock:
            rows = self._rows.copy()
            rows.live = {at: run.id for at, run in self._live.items()}
            return rows

    # Called for users

    def go_on(self) -> None:
        """Resume a paused batch. Without remaining rows, its thread ends it."""
        with self.lock:
            if self._state == "paused":
                self._reopen()

    def retry(self) -> None:
        """Resume the batch, and run its failed and stopped rows again."""
        with self.lock:
            if self._state == "stopped":
                self._again.update(self._live)
            self._rows.set(self._rows.places("failed", "stopped"), "waiting")
            if self._live or self._rows.count("waiting"):
                self._reopen()

    def pause(self, why: str = "") -> None:
        """Stop starting rows, for this reason. Running rows continue, and rows waiting at a server
        are taken back."""
        with self.lock:
            if self._state != "running":
                return
            self._state, self._why, self._paused_at = "paused", why, time.time()
            ahead = {at: run for at, run in self._live.items() if _waits(run)}
            self._again.update(ahead)
        for run in ahead.values():
            _take_back(run)

    def stop(self) -> None:
        with self.lock:
            if self._state in ("running", "paused"):
                self._end("stopped")
            live = dict(self._live)
            self._again.clear()
            self._rows.set(set(self._rows.places("waiting")) - live.keys(), "stopped")
        for run in live.values():
            _cancel(run)

    def fail(self, problem: ComfyError) -> None:
        """See `OpenGroup`: pause the batch."""
        self.pause(sentences(str(problem), problem.hint))

    def end_or_go_on(self) -> bool:
        with self.lock:
            if self._state in ("running", "paused") and not self._runs.closed:
                if not self._rows.count("waiting"):
                    self._end("done")
                elif self._state == "running":
                    return True
            self.thread = None
            return False

    def _about(self) -> Mapping[str, Any]:
        return {"paused_at": self._paused_at}

    def _progress(self) -> Mapping[str, Any]:
        return self._rows.to_json()

    # Called in the batch's thread

    def wants_more(self) -> bool:
        """Return whether another row may start."""
        return self._state == "running" and not self._runs.closed and not self.disowned

    def is_new(self, index: int) -> bool:
        """Return True if the row at this index is known to have no run."""
        return index in self._new

    def begun(self, index: int, run: Run | Record) -> None:
        """Note the run of the row at this index, or the record of a run that is done."""
        self._wait_for("")
        with self.lock:
            self._rows.tried(index, run.id)
            self._live[index] = run
            self._new.discard(index)
            stopped, ahead = self._state == "stopped", self._state == "paused" and _waits(run)
            if ahead:
                self._again.add(index)
        if stopped:
            _cancel(run)
        elif ahead:
            _take_back(run)

    def refused(self, index: int, problem: ComfyError) -> bool:
        """Note that a row couldn't start. Return True if it failed, because the form refuses its
        values; False to try it again after a temporary error. Raise an error that ends the
        batch."""
        match problem:
            case FieldErrors():
                with self.lock:
                    self._rows.tell(index, sentences(*problem.labelled.values()))
                return True
            case TooManyPaidRuns():
                raise problem
            case Overloaded() | ServerUnreachable() | ServerError():
                self._wait_for(sentences(str(problem), problem.hint))
                return False
        raise problem

    def _wait_for(self, sentence: str) -> None:
        with self.lock:
            is_other, self._waits_for = sentence != self._waits_for, sentence
        if is_other:
            self._told()

    def ended(self, index: int, record: Record, *, is_done: bool) -> None:
        with self.lock:
            self._live.pop(index, None)
            self._rows.tried(index, record.id)
            state, has_cost = record.state, record.job.paid and record.state.started_at is not None
            is_wanted = index in self._again and state.phase is Phase.STOPPED and not has_cost
            self._again.discard(index)
            if not is_wanted:  # otherwise it still waits
                self._note(index, record.state, is_done=is_done)

    def found(self, places: Iterable[int], records: Mapping[int, tuple[Record, bool]]) -> None:
        """Record the earlier ends of these rows: the last record of each started row, and whether
        it is done."""
        with self.lock:
            self._new.update(set(places) - records.keys())
            for index, (record, is_done) in records.items():
                self._rows.tried(index, record.id)
                if record.state.phase.finished:
                    self._live.pop(index, None)  # it ended while the batch moved to this process
                if is_done:
                    self._rows.set([index], "done")

    def _note(self, index: int, state: RunState, *, is_done: bool) -> None:
        phase = state.phase
        if is_done:
            self._rows.set([index], "done")
        elif self._runs.closed and phase in (Phase.DONE, Phase.STOPPED):
            return  # it waits: the app fetches its files or restarts it after its own restart
        elif phase is Phase.DONE:
            self._rows.tell(index, state.error.message if state.error else NOT_FETCHED)
        else:
            self._rows.set([index], "stopped" if phase is Phase.STOPPED else "failed")


# Users' changes of a batch, by the name that the API has for them.
CHANGES: Mapping[BatchChange, Callable[[OpenBatch], object]] = {
    "pause": OpenBatch.pause,
    "continue": OpenBatch.go_on,
    "stop": OpenBatch.stop,
    "retry": OpenBatch.retry,
}


def _waits(run: Run | Record) -> bool:
    return not isinstance(run, Record) and run.state.phase is Phase.WAITING


def _cancel(run: Run | Record) -> None:
    if not isinstance(run, Record):
        run.cancel()


def _take_back(run: Run | Record) -> None:
    if not isinstance(run, Record):
        run.take_back()
