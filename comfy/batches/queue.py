"""Queue of batches. Each active batch runs a few rows at a time in its own thread, through the
registry of runs, so that users take turns. Each row runs once, even if the app is killed."""

from __future__ import annotations

import logging
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial

from cachetools import LRUCache

from comfy.base.errors import BatchNotFound, ComfyError, RunNotFound
from comfy.base.messages import message
from comfy.batches.check import check_rows, problems_of_batch
from comfy.batches.content import BatchContent, drawn_content, load_batch, save_new_batch
from comfy.batches.open_batch import (
    CHANGES,
    BatchChange,
    BatchSummary,
    OpenBatch,
    RowStates,
    about_batch,
    row_id,
)
from comfy.batches.spec import BatchSpec
from comfy.comfyui.protocol.run_state import Phase
from comfy.groups.queue import GroupQueue
from comfy.launch.once import LiveTasks, Task, TaskRunner, own_values
from comfy.launch.start import Starter
from comfy.prompt.value_types import BadValue
from comfy.records.groups import Group
from comfy.records.rows import WantedOfGroups
from comfy.runs.interface import Origin, Run
from comfy.runs.limits import BatchLimits, Person

_LOOKED_AT = 200  # records at a time
_MOST_FAILED = 5  # consecutive failures; after these, probably all rows fail
log = logging.getLogger(__name__)
_SAVED_EACH = 1.0  # seconds; run records cover the rest after a crash
_LOOKED_INTO = 5  # batches whose rows stay in memory, at most about 10 MB each


class BatchGaveUp(ComfyError):
    """Too many rows failed in a row. The other rows were not started."""


class BatchRunner:
    """Runner of a batch's rows. It finds earlier runs again, so the registry needs a history."""

    def __init__(self, starter: Starter, batch: OpenBatch, content: BatchContent) -> None:
        self._starter, self._batch, self._content = starter, batch, content
        self._tasks = TaskRunner(starter, batch.origin)
        self._id = uuid.UUID(batch.id)

    def find_runs(self) -> dict[int, Run]:
        """Note the earlier runs of the waiting rows. Return the unfinished ones by row index."""
        batch, live = self._batch, dict[int, Run]()
        waiting = batch.states().places("waiting")
        for start in range(0, len(waiting), _LOOKED_AT):
            some = waiting[start : start + _LOOKED_AT]
            last = self._tasks.last_of({at: row_id(self._id, at) for at in some})
            batch.found(
                some, {at: (one, self._tasks.is_done(one)) for at, (one, _) in last.items()}
            )
            for at, (record, _) in last.items():
                if not record.state.phase.finished:
                    with suppress(RunNotFound):  # ended since
                        live[at] = self._starter.runs.get(record.id, batch.owner)
        for at, run in live.items():
            batch.begun(at, run)
        return live

    def run(self) -> Iterator[int]:
        """Run the waiting rows. Yield the index of each row after its run has ended.

        Rows that failed before run again. Ends early if another process takes the batch over.
        Raises BatchGaveUp, and the errors of `OpenBatch.refused`.
        """
        batch, begun, failed = self._batch, self.find_runs(), 0
        waiting = batch.states().places("waiting")
        rest = deque(index for index in waiting if index not in begun)
        with LiveTasks[int](self._starter.runs) as live:
            for index, run in begun.items():
                live.add(index, run)
            while live or (rest and failed < _MOST_FAILED and batch.wants_more()):
                while rest and failed < _MOST_FAILED and not live.is_full and batch.wants_more():
                    index = rest[0]
                    try:
                        is_new = batch.is_new(index)
                        run_or_record = self._tasks.begin(self._task(index), is_new=is_new)
                    except ComfyError as problem:
                        if not batch.refused(index, problem):
                            if not live:
                                live.wait(problem, batch.wants_more)
                            break
                        rest.popleft()
                        failed += 1
                    else:
                        batch.begun(index, run_or_record)
                        live.add(rest.popleft(), run_or_record)
                for index, record in live.ended():
                    if batch.disowned:
                        return
                    is_done = self._tasks.is_done(record)
                    batch.ended(index, record, is_done=is_done)
                    yield index
                    if failed < _MOST_FAILED and record.state.phase is not Phase.STOPPED:
                        failed = 0 if is_done else failed + 1
        if rest and failed >= _MOST_FAILED:
            raise BatchGaveUp(
                message(
                    "The batch was paused after {count} consecutive failures.",
                    count=_MOST_FAILED,
                ),
                message("Read the last error, then continue."),
            )

    def _task(self, index: int) -> Task:
        batch, content = self._batch, self._content
        try:
            values = content[index].values
        except BadValue as problem:
            raise ComfyError(str(problem)) from problem
        values = own_values(self._starter, batch.workflow, values, content.of_options, batch.owner)
        return Task(row_id(self._id, index), batch.workflow, values, batch.id)


@dataclass(frozen=True, slots=True)
class BatchTable:
    """Batch with its rows and their states."""

    summary: BatchSummary
    content: BatchContent
    states: RowStates


class BatchQueue(GroupQueue[OpenBatch, BatchSummary]):
    """See `GroupQueue`. Methods raise BatchNotFound if the owner has no such batch."""

    kind = "batch"
    keeps_none = message("Batches and chains need cookies.")

    def unfinished(self) -> list[tuple[str, BatchSummary, RowStates]]:
        """Return the owner, the progress and the rows of each batch that hasn't ended, oldest
        first, also of other processes."""
        with self._lock:
            opened = [*self._open.values(), *self._elsewhere.values()]
        found = [(one.owner, one.summary, one.states()) for one in opened if not one.deleted]
        found = [one for one in found if not one[1].finished]
        return sorted(found, key=lambda one: one[1].created_at)

    def __init__(
        self, starter: Starter, limits: BatchLimits | None = None, *, nobody: str = ""
    ) -> None:
        self._limits = limits or BatchLimits()
        super().__init__(starter, self._limits, nobody)
        self._contents = LRUCache[str, BatchContent](_LOOKED_INTO)

    # One batch

    def start(
        self,
        workflow: str,
        base: Mapping[str, object],
        spec: BatchSpec,
        origin: Origin,
        *,
        attended: bool = False,
    ) -> BatchSummary:
        """Check all rows, store the files among their values, and start the batch. `base` has the
        values that all rows share. The caller of an `attended` batch waits for its end, so an owner
        without a cookie may start it.

        Raises BatchErrors, FieldErrors, NoApiKey, PaymentNotConfirmed, Overloaded, WorkflowError,
        ServerUnreachable, ServerError, and ComfyError if there is no room for a file.
        """
        self._check_start(origin, attended=attended)
        _, form = self._starter.forms.form(workflow, origin.owner, base)
        checked = problems_of_batch(self._starter, workflow, form, spec, base, origin.owner)
        checked.raise_errors()
        check_rows(self._starter, workflow, form, checked.content, origin.owner)
        paid = self._starter.paid_work(workflow, form.prompt, form.titles, checked.rows)
        self._starter.payment.check([paid], origin)
        content = drawn_content(form, checked.content, spec.seeds, self._starter.rng)
        return self.start_checked(form.title, workflow, content, origin)

    def start_checked(
        self, title: str, workflow: str, content: BatchContent, origin: Origin, batch_id: str = ""
    ) -> BatchSummary:
        """Store and run a checked batch, as the batch with this id, a UUID, or as a new one. Raises
        Overloaded, and ComfyError if there is no room."""
        batch_id = batch_id or str(uuid.uuid4())
        about = about_batch(title, workflow, content, origin)
        group = Group(batch_id, origin.owner, "batch", time.time(), "running", about)
        batch = self._open_group(group)
        with self._counted(batch):
            within = partial(origin.at_start, batch_id)
            kept = save_new_batch(self._runs.history, self._starter.blobs, group, content, within)
        with self._lock:  # so that its thread needn't read it from the database
            self._contents[batch_id] = kept
        self._let_run(batch)
        return batch.summary

    def change(self, batch_id: str, owner: str, change: BatchChange) -> None:
        """Pause, continue, stop or retry a batch. Raises ComfyError and changes nothing if the new
        state can't be stored, and TooManyRuns if there is no room for another batch."""
        if change == "retry":
            with self._lock:
                is_open = batch_id in self._open or batch_id in self._elsewhere
            if not is_open:
                self._check_room(self._opened(batch_id, owner).person)
        with self._changing(batch_id, owner) as batch, ExitStack() as counted:
            if change == "retry":
                counted.enter_context(self._counted(batch))
            self._change(batch, CHANGES[change])

    def delete(self, batch_id: str, owner: str, *, with_runs: bool = False) -> None:
        """Stop and delete a batch. Its runs stay in the history unless `with_runs`."""
        with self._changing(batch_id, owner) as batch:
            batch.deleted_with_runs = with_runs  # includes runs that end after the deletion
            if with_runs:  # first: if this fails, the user can delete the batch again
                self._unlist_runs(batch)
            self._delete(batch)
        self._listeners.call(owner)
        if with_runs:  # runs that have ended since then
            self._unlist_runs(batch)

    def table(self, batch_id: str, owner: str) -> BatchTable:
        """Return an owner's batch with its rows."""
        batch = self._opened(batch_id, owner)
        content = self._content(batch_id, owner)
        states = batch.states()
        if not self._work.is_here(batch_id):
            unfinished = {run.id for run in self._runs.line_of(owner)}
            states.live = {at: run for at, run in states.begun().items() if run in unfinished}
        return BatchTable(batch.summary, content, states)

    # Inside

    def _check_room(self, person: Person, but: str = "") -> None:
        """See `GroupQueue`: first stop batches that were paused for too long."""
        with self._lock:
            batches = [*self._open.values(), *self._elsewhere.values()]
        for batch in [one for one in batches if one.was_paused_for(self._limits.paused)]:
            if not self._limits.is_full(person[1], [one.person for one in batches]):
                break
            try:
                self.change(batch.id, batch.owner, "stop")
            except BatchNotFound:  # deleted since
                pass
            except ComfyError as problem:  # not the fault of the caller, who doesn't know it
                log.warning(
                    "Batch %s was paused for long, but can't be stopped: %s", batch.id, problem
                )
                continue
            batches.remove(batch)
        super()._check_room(person, but)

    def _make(self, group: Group) -> OpenBatch:
        return OpenBatch(group, self._runs, partial(self._listeners.call, group.owner))

    def _not_found(self) -> ComfyError:
        return BatchNotFound(message("This batch no longer exists."))

    def _content(self, batch_id: str, owner: str) -> BatchContent:
        """Return the content of an owner's batch, which never changes."""
        with self._lock:
            content = self._contents.get(batch_id)
        if content is None:
            content = load_batch(self._runs.history, batch_id, owner)
            with self._lock:
                self._contents[batch_id] = content
        return content

    def _unlist_runs(self, batch: OpenBatch) -> None:
        """Remove the batch's finished runs from lists. Raises ComfyError."""
        history, wanted = self._runs.history, WantedOfGroups(groups=(batch.id,))
        while runs := history.of(batch.owner, wanted, limit=_LOOKED_AT):
            if not history.unlist([one.id for one in runs], batch.owner):
                break

    def _take_up(self, batch: OpenBatch) -> None:
        if batch.moved:
            self._runner(batch).find_runs()
        if batch.state == "running" or batch.is_at_work:
            self._let_run(batch)
        else:
            self._keep_open(batch)

    # The thread of a batch

    def _run(self, batch: OpenBatch) -> None:
        saved_at = 0.0
        for _ in self._runner(batch).run():
            if time.monotonic() - saved_at > _SAVED_EACH:
                saved_at = time.monotonic()
                self._save(batch)
            else:
                self._listeners.call(batch.owner)
        if batch.deleted and batch.deleted_with_runs:
            try:  # the runs that it canceled are recorded only now
                self._unlist_runs(batch)
            except ComfyError as problem:
                log.warning(
                    "Can't delete the runs of a deleted batch: %s %s", problem, problem.hint
                )

    def _runner(self, batch: OpenBatch) -> BatchRunner:
        return BatchRunner(self._starter, batch, self._content(batch.id, batch.owner))
