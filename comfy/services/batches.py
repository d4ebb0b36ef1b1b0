"""A batch: the same workflow with other values for each row, a few of them at a time, each row done
once however often the program is killed."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from comfy.batches.table import Row
from comfy.errors import ComfyError, ManyProblems
from comfy.messages import message, plural
from comfy.records.record import Record
from comfy.services.once import LiveTasks, Task, TaskRunner, lacking
from comfy.services.start import FieldErrors, Starter

_MOST_TOLD = 20  # wrong rows
_MOST_FAILED = 5  # rows one after the other: what is wrong is wrong with all of them


class RowErrors(ManyProblems):
    """Rows that the form refuses; of the wrong values as many as anybody reads."""


class BatchGaveUp(ComfyError):
    """Too many rows failed one after the other; the rest was not started."""


@dataclass(frozen=True, slots=True)
class RowBatch:
    """What is to be run: rows of values for a workflow. `id`: a UUID by which its runs are found
    again, the same one for the same batch."""

    id: uuid.UUID
    workflow: str
    rows: Sequence[Row]

    def prefix(self, index: int) -> str:
        """What names of files begin with that come of the row at this place: "007-"."""
        return f"{index + 1:0{len(str(len(self.rows)))}}-"


class BatchRunner:
    """Runs the rows of batches. What became of each is on record, so the registry needs a
    history."""

    def __init__(self, starter: Starter, owner: str) -> None:
        self._starter = starter
        self._tasks = TaskRunner(starter, owner)
        self._owner = owner

    def check(self, batch: RowBatch) -> None:
        """RowErrors with all that the form refuses in any row, and all that the server does not
        have; as `Starter.check` otherwise."""
        _, form = self._starter.forms.form(batch.workflow, self._owner)
        chosen = {key for row in batch.rows for key in row.values}
        problems = list(lacking(form, chosen))
        for row in batch.rows:
            try:
                self._starter.check(batch.workflow, row.values, self._owner)
            except FieldErrors as error:
                problems += [
                    message("Row {row}, {problem}", row=row.number, problem=said)
                    for said in error.labelled.values()
                ]
        if len(problems) > _MOST_TOLD:
            rest = len(problems) - _MOST_TOLD
            more = plural("And {count} more.", "And {count} more.", count=rest)
            problems = [*problems[:_MOST_TOLD], more]
        if problems:
            raise RowErrors(problems, message("Nothing was started."))

    def resume(self) -> None:
        """Take up what was under way when the program ended, before any row is run."""
        self._tasks.resume()

    def last(self, batch: RowBatch) -> dict[int, Record]:
        """The records of the rows that were run, by their place in the batch: of each the last."""
        found = ((index, self._tasks.last(_task(batch, index))) for index in range(len(batch.rows)))
        return {index: record for index, record in found if record is not None}

    def is_done(self, record: Record) -> bool:
        """Whether a row is done, and all that it has made is kept here."""
        return self._tasks.is_done(record)

    def run(self, batch: RowBatch, done: Collection[int] = ()) -> Iterator[tuple[int, Record]]:
        """Run the rows but for those whose places are in `done`, and tell of each (its place, and
        its record) when it has ended.

        What failed before is tried again. Raises BatchGaveUp, and what `Starter.start` raises.
        """
        rest = deque(index for index in range(len(batch.rows)) if index not in done)
        failed = 0
        with LiveTasks[int](self._starter.runs) as live:
            while rest or live:
                while rest and not live.is_full:
                    index = rest.popleft()
                    live.add(index, self._tasks.begin(_task(batch, index)))
                for index, record in live.ended():
                    yield index, record
                    failed = 0 if self.is_done(record) else failed + 1
                    if failed >= _MOST_FAILED:
                        raise _gave_up(failed)


def _task(batch: RowBatch, index: int) -> Task:
    name = uuid.uuid5(batch.id, str(index))
    return Task(name, batch.workflow, batch.rows[index].values, str(batch.id))


def _gave_up(failed: int) -> BatchGaveUp:
    return BatchGaveUp(
        message("{count} rows failed one after the other, so the batch was stopped.", count=failed),
        message("Look at what the last one says, then go on."),
    )
