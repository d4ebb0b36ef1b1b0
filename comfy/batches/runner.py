"""Run a workflow with the values of each row, a few rows at a time. Each row runs once, even if the
app is killed."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from comfy.base.errors import ComfyError, ManyProblems
from comfy.base.messages import message, plural
from comfy.batches.spec import BatchProblem
from comfy.batches.table import Row
from comfy.comfyui.protocol.run_state import Phase
from comfy.launch.once import LiveTasks, Task, TaskRunner, conflicts_in
from comfy.launch.row_judge import RowJudge
from comfy.launch.start import FieldErrors, Starter
from comfy.records.record import Record
from comfy.runs.interface import Origin, Run

MOST_TOLD = 100  # problems
_BEGIN_AGAIN_AFTER = 1.0  # seconds before retrying a row that couldn't start
_MOST_FAILED = 5  # consecutive failures; after these, probably all rows fail


class RowErrors(ManyProblems):
    """The form refuses values; at most `MOST_TOLD` are reported. `found` has their positions."""

    def __init__(self, problems: Iterable[str], batch_problems: Iterable[BatchProblem]) -> None:
        super().__init__(problems, message("Nothing was started."))
        self.found = tuple(batch_problems)


class BatchGaveUp(ComfyError):
    """Too many rows failed in a row. The other rows were not started."""


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Rows of values for a workflow. The ids of the runs derive from the batch's `id`. A row omits
    the keys `of_options` if the option that it chooses has no such field."""

    id: uuid.UUID
    workflow: str
    rows: Sequence[Row]
    of_options: frozenset[str] = frozenset()


class Steering(Protocol):
    """Controller that decides whether a running batch continues, and observes its rows."""

    def wants_more(self) -> bool:
        """Return whether another row may start."""

    def is_new(self, index: int) -> bool:
        """Return True if the row at this index is known to have no run."""

    def begun(self, index: int, run: Run | Record) -> None:
        """Note the run of the row at this index, or the record of a run that is done."""

    def refused(self, index: int, problem: ComfyError) -> bool:
        """Return True if a row that couldn't start has failed, False to try it again. An exception
        ends the batch."""


class BatchRunner:
    """Runner of a batch's rows. It finds earlier runs again, so the registry needs a history."""

    def __init__(self, starter: Starter, origin: Origin) -> None:
        self._starter = starter
        self._tasks = TaskRunner(starter, origin)
        self._owner = origin.owner

    def check_values(self, batch: RowBatch) -> None:
        """Raise RowErrors with all values that the form refuses in any row."""
        problems: list[str] = []
        batch_problems: list[BatchProblem] = []
        for row, error in self._refused(batch):
            for key, sentence in error.errors.items():
                batch_problems.append(BatchProblem(sentence, key or None, row.number, row.line))
                problems.append(batch_problems[-1].with_place(error.labelled[key]))
        if problems:
            raise RowErrors(
                [*problems[:MOST_TOLD], *and_more(len(problems) - MOST_TOLD)],
                batch_problems[:MOST_TOLD],
            )

    def _refused(self, batch: RowBatch) -> Iterator[tuple[Row, FieldErrors]]:
        """Yield the rows with values that the form refuses."""
        judge = RowJudge(partial(self._starter.checked, owner=self._owner))
        for row in batch.rows:
            values = self._values(batch, row)
            _, form = self._starter.forms.form(batch.workflow, self._owner, values)
            try:
                judge.checked(form, values)
            except FieldErrors as error:
                yield row, error

    def conflicts(self, batch: RowBatch) -> Iterator[tuple[Row, FieldErrors]]:
        """Yield the rows whose choices no server offers together, see `conflicts_in`."""
        rows = (self._values(batch, row) for row in batch.rows)
        for index, error in conflicts_in(self._starter, batch.workflow, rows, self._owner):
            yield batch.rows[index], error

    def last_of(self, batch: RowBatch, places: Iterable[int]) -> dict[int, tuple[Record, int]]:
        """Return the last record and the number of earlier tries of each of these rows that has
        run."""
        return self._tasks.last_of({index: row_id(batch.id, index) for index in places})

    def is_done(self, record: Record) -> bool:
        """Return whether a row is done and all its results are stored."""
        return self._tasks.is_done(record)

    def run(
        self,
        batch: RowBatch,
        done: Collection[int],
        steering: Steering,
        begun: Mapping[int, Run] | None = None,
    ) -> Iterator[tuple[int, Record]]:
        """Run the rows whose indexes are not in `done`. Yield the index and record of each row when
        its run ends. `begun`: runs of rows from before a restart.

        Rows that failed before run again. Raises BatchGaveUp, and the errors of `steering.refused`.
        """
        begun = begun or {}
        over = {*done, *begun}
        rest = deque(index for index in range(len(batch.rows)) if index not in over)
        failed = 0
        with LiveTasks[int](self._starter.runs) as live:
            for index, run in begun.items():
                live.add(index, run)
            while live or (rest and failed < _MOST_FAILED and steering.wants_more()):
                while rest and failed < _MOST_FAILED and not live.is_full and steering.wants_more():
                    try:
                        is_new = steering.is_new(rest[0])
                        run_or_record = self._tasks.begin(self._task(batch, rest[0]), is_new=is_new)
                    except ComfyError as problem:
                        if not steering.refused(rest[0], problem):
                            if not live:
                                live.wait(_BEGIN_AGAIN_AFTER)
                            break
                        rest.popleft()
                        failed += 1
                    else:
                        steering.begun(rest[0], run_or_record)
                        live.add(rest.popleft(), run_or_record)
                for index, record in live.ended():
                    yield index, record
                    failed = self._failed_after(failed, record)
        if rest and failed >= _MOST_FAILED:
            raise BatchGaveUp(
                message(
                    "The batch was paused after {count} consecutive failures.",
                    count=_MOST_FAILED,
                ),
                message("Read the last error, then continue."),
            )

    def _task(self, batch: RowBatch, index: int) -> Task:
        values = self._values(batch, batch.rows[index])
        return Task(row_id(batch.id, index), batch.workflow, values, str(batch.id))

    def _values(self, batch: RowBatch, row: Row) -> Mapping[str, object]:
        """Return the row's values without the keys that its own form lacks."""
        if not batch.of_options:
            return row.values
        _, form = self._starter.forms.form(batch.workflow, self._owner, row.values)
        others = batch.of_options - {field.key for field in form.fields}
        return {key: value for key, value in row.values.items() if key not in others}

    def _failed_after(self, failed: int, record: Record) -> int:
        """Count consecutive failed rows. A stopped row doesn't count, and a count that has reached
        the limit stays there."""
        if self.is_done(record):
            return failed if failed >= _MOST_FAILED else 0
        return failed if record.state.phase is Phase.STOPPED else failed + 1


def and_more(count: int) -> list[str]:
    """Return a message about the number of further problems, or ""."""
    return [plural("And {count} more.", "And {count} more.", count=count)] if count > 0 else []


def row_id(batch: uuid.UUID, index: int) -> uuid.UUID:
    """Return the id of the row's task."""
    return uuid.uuid5(batch, str(index))
