"""Batch in memory: its progress, for the thread that runs it and for watchers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from comfy.base.errors import (
    ComfyError,
    Overloaded,
    ServerError,
    ServerUnreachable,
    TooManyPaidRuns,
)
from comfy.base.messages import message_from_json, message_to_json, sentences
from comfy.batches.content import BatchContent, BatchRows
from comfy.batches.grids.grid import few_words
from comfy.batches.row_states import RowState, RowStates
from comfy.batches.runner import Steering
from comfy.comfyui.protocol.run_state import Phase
from comfy.groups.open_group import OpenGroup
from comfy.launch.once import NOT_FETCHED
from comfy.launch.start import FieldErrors
from comfy.launch.uploads import Upload
from comfy.records.groups import Group
from comfy.records.record import Record
from comfy.runs.interface import Origin, Run, RunRegistry

BatchState = Literal["running", "paused", "stopped", "done"]


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
        "rows": len(BatchRows(content)),
        "varied": [message_to_json(label) for label in labels],
        "first_values": list(labels.values()),
    }


def summary_of(group: Group) -> BatchSummary:
    """Return the summary of the batch stored as this group."""
    states = RowStates(group.id, int(group.about.get("rows", 0)), group.progress)
    return BatchSummary(
        group.id,
        str(message_from_json(group.about.get("title", ""))),
        str(group.about.get("workflow", "")),
        _state_of(group),
        len(states),
        states.count("done"),
        states.count("failed"),
        group.created_at,
        str(message_from_json(group.about.get("why", ""))),
        _varied(group),
        _first_values(group),
    )


def _state_of(group: Group) -> BatchState:
    return "stopped" if group.state == "failed" else group.state


def _varied(group: Group) -> tuple[str, ...]:
    return tuple(str(message_from_json(one)) for one in group.about.get("varied", ()))


def _first_values(group: Group) -> tuple[str, ...]:
    return tuple(map(str, group.about.get("first_values", ())))


class OpenBatch(OpenGroup, Steering):
    """Batch in memory. Each method holds a lock briefly, and none of them blocks."""

    def __init__(
        self, group: Group, runs: RunRegistry, on_change: Callable[[], object] = lambda: None
    ) -> None:
        """Restore the stored state. `on_change` is called when the reason to wait changes, and must
        not block."""
        super().__init__(group)
        self.workflow = str(group.about.get("workflow", ""))
        self._group, self._runs, self._told = group, runs, on_change
        self._state = _state_of(group)
        self._why = str(message_from_json(group.about.get("why", "")))
        self._waits_for = ""
        self._paused_at = float(group.about.get("paused_at", group.created_at))
        self._ended_at = group.ended_at
        self._rows = RowStates(group.id, int(group.about.get("rows", 0)), group.progress)
        if self._state == "stopped":  # the app exited while they were being canceled
            self._rows.set(self._rows.places("waiting"), "stopped")
        self._live: dict[int, Run | Record] = {}
        self._new: set[int] = set()
        self._again: set[int] = set()  # active rows that were canceled, then resumed
        self.deleted_with_runs = False  # includes runs that end after the deletion

    @property
    def state(self) -> BatchState:
        """Return the current state."""
        return self._state

    def was_paused_for(self, seconds: float) -> bool:
        """Tell if the batch has been paused for at least this many seconds."""
        return self._state == "paused" and time.time() - self._paused_at >= seconds

    @property
    def group(self) -> Group:
        """See `OpenGroup`."""
        with self.lock:
            about = {**self._group.about, "why": message_to_json(self._why)}
            about |= {"paused_at": self._paused_at}
            return Group(
                self.id,
                self.owner,
                self._group.kind,
                self._group.created_at,
                self._state,
                about,
                self._rows.to_json(),
                self._ended_at,
            )

    @property
    def summary(self) -> BatchSummary:
        """Return the summary for lists."""
        with self.lock:
            about = self._group.about
            return BatchSummary(
                self.id,
                str(message_from_json(about.get("title", ""))),
                self.workflow,
                self._state,
                len(self._rows),
                self._rows.count("done"),
                self._rows.count("failed"),
                self._group.created_at,
                self._why or (self._waits_for if self._state == "running" else ""),
                _varied(self._group),
                _first_values(self._group),
            )

    @property
    def is_at_work(self) -> bool:
        """See `OpenGroup`."""
        with self.lock:
            return bool(self._live)

    def states(self) -> tuple[RowStates, Mapping[int, str]]:
        """Return the rows' states, and the run ids of active rows by row index."""
        with self.lock:
            return self._rows.copy(), {at: run.id for at, run in self._live.items()}

    # Called for users

    def go_on(self, *states: RowState) -> bool:
        """Resume the batch and retry rows in these states; return False if there is
        nothing to do."""
        with self.lock:
            if self._state == "stopped":
                self._again.update(self._live)
            self._rows.set(self._rows.places(*states), "waiting")
            if not (self._live or self._rows.count("waiting")):
                return False
            self._state, self._why, self._ended_at = "running", "", None
            return True

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
        """See `OpenGroup`."""
        with self.lock:
            if self._state in ("running", "paused"):
                self._end("stopped")
            live = dict(self._live)
            self._again.clear()
            self._rows.set(set(self._rows.places("waiting")) - live.keys(), "stopped")
        for run in live.values():
            _cancel(run)

    def delete(self, *, with_runs: bool = False) -> None:
        """See `OpenGroup`. `with_runs`: also delete the runs that it started."""
        with self.lock:
            self.deleted_with_runs = with_runs
        super().delete()

    def fail(self, problem: ComfyError) -> None:
        """See `OpenGroup`: pause the batch."""
        self.pause(sentences(str(problem), problem.hint))

    def end_or_go_on(self) -> bool:
        """See `OpenGroup`."""
        with self.lock:
            if self._state in ("running", "paused") and not self._runs.closed:
                if not self._rows.count("waiting"):
                    self._end("done")
                elif self._state == "running":
                    return True
            self.thread = None
            return False

    def _end(self, state: BatchState) -> None:
        self._state, self._why, self._ended_at = state, "", time.time()

    # Called in the batch's thread

    def wants_more(self) -> bool:
        """See `Steering`."""
        return self._state == "running" and not self._runs.closed and not self.disowned

    def is_new(self, index: int) -> bool:
        """See `Steering`."""
        return index in self._new

    def begun(self, index: int, run: Run | Record) -> None:
        """See `Steering`."""
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
        """See `Steering`: a row with refused values fails; temporary errors are retried."""
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
        """Record the end of a row."""
        with self.lock:
            self._live.pop(index, None)
            self._rows.tried(index, record.id)
            is_wanted = index in self._again and record.state.phase is Phase.STOPPED
            self._again.discard(index)
            if not is_wanted:  # otherwise it still waits
                self._note(index, record.state.phase, is_done=is_done)

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

    def _note(self, index: int, phase: Phase, *, is_done: bool) -> None:
        if is_done:
            self._rows.set([index], "done")
        elif self._runs.closed and phase in (Phase.DONE, Phase.STOPPED):
            return  # it waits: the app fetches its files or restarts it after its own restart
        elif phase is Phase.DONE:
            self._rows.tell(index, NOT_FETCHED)
        else:
            self._rows.set([index], "stopped" if phase is Phase.STOPPED else "failed")


def _waits(run: Run | Record) -> bool:
    return not isinstance(run, Record) and run.state.phase is Phase.WAITING


def _cancel(run: Run | Record) -> None:
    if not isinstance(run, Record):
        run.cancel()


def _take_back(run: Run | Record) -> None:
    if not isinstance(run, Record):
        run.take_back()
