"""A batch: the same workflow with other values for each row, a few of them at a time, each row done
once however often the program is killed."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from comfy.base.errors import ComfyError, ManyProblems
from comfy.base.messages import message, plural
from comfy.batches.spec import BatchProblem
from comfy.batches.table import Row
from comfy.comfyui.protocol.run_state import Phase
from comfy.launch.once import LiveTasks, Task, TaskRunner, conflicts_in, lacking
from comfy.launch.row_judge import RowJudge
from comfy.launch.start import FieldErrors, Starter
from comfy.records.record import Record
from comfy.runs.interface import Origin, Run

MOST_TOLD = 100  # problems
_BEGIN_AGAIN_AFTER = 1.0  # seconds until a row is tried again that could not be begun
MOST_FAILED = 5  # rows one after the other: what is wrong is wrong with all of them


class RowErrors(ManyProblems):
    """Rows that the form refuses; of the wrong values as many as anybody reads. `found`: the same
    with where each is."""

    def __init__(self, problems: Iterable[str], found: Iterable[BatchProblem]) -> None:
        super().__init__(problems, message("Nothing was started."))
        self.found = tuple(found)


class BatchGaveUp(ComfyError):
    """Too many rows failed one after the other; the rest was not started."""


@dataclass(frozen=True, slots=True)
class RowBatch:
    """What is to be run: rows of values for a workflow. `id`: a UUID by which its runs are found
    again, the same one for the same batch. `of_options`: keys of values that rows do without where
    the option that they choose has no such field."""

    id: uuid.UUID
    workflow: str
    rows: Sequence[Row]
    of_options: frozenset[str] = frozenset()

    def prefix(self, index: int) -> str:
        """What names of files begin with that come of the row at this place: "007-"."""
        return f"{index + 1:0{len(str(len(self.rows)))}}-"


class Steering:
    """What decides, while a batch runs, whether it goes on; this one lets all of it run."""

    def wants_more(self) -> bool:
        """Whether another row may be begun."""
        return True

    def is_new(self, index: int) -> bool:
        """Whether it is known that the row at this place was never begun."""
        return False

    def begun(self, index: int, run: Run | Record) -> None:
        """The row at this place was begun: its run, or the record of one that is done."""

    def refused(self, index: int, problem: ComfyError) -> bool:
        """A row could not be begun: whether it is over; else it is tried again. What is raised ends
        all."""
        raise problem


class BatchRunner:
    """Runs the rows of batches. What became of each is on record, so the registry needs a
    history."""

    def __init__(self, starter: Starter, origin: Origin) -> None:
        self._starter = starter
        self._tasks = TaskRunner(starter, origin)
        self._owner = origin.owner

    def check(self, batch: RowBatch, known: Sequence[str] = ()) -> None:
        """RowErrors with all that the form refuses in any row, and all that the server does not
        have, or no server has together; as `Starter.check` otherwise. `known`: problems that are
        told before these."""
        _, form = self._starter.forms.form(batch.workflow, self._owner)
        chosen = {key: value for row in batch.rows for key, value in row.values.items()}
        problems = [*known, *lacking(form, chosen)]
        _raise_if_any(problems, chain(self._refused(batch), self.conflicts(batch)))

    def check_values(self, batch: RowBatch) -> None:
        """RowErrors with all that the form refuses in any row."""
        _raise_if_any((), self._refused(batch))

    def _refused(self, batch: RowBatch) -> Iterator[tuple[Row, FieldErrors]]:
        """The rows with values that the form refuses."""
        judge = RowJudge(partial(self._starter.checked, owner=self._owner))
        for row in batch.rows:
            values = self._values(batch, row)
            _, form = self._starter.forms.form(batch.workflow, self._owner, values)
            try:
                judge.checked(form, values)
            except FieldErrors as error:
                yield row, error

    def conflicts(self, batch: RowBatch) -> Iterator[tuple[Row, FieldErrors]]:
        """What no server has together of what a row chooses; see `conflicts_in`."""
        rows = (self._values(batch, row) for row in batch.rows)
        for place, error in conflicts_in(self._starter, batch.workflow, rows, self._owner):
            yield batch.rows[place], error

    def resume(self) -> None:
        """Take up what was under way when the program ended, before any row is run."""
        self._tasks.resume()

    def last(self, batch: RowBatch) -> dict[int, Record]:
        """The records of the rows that were run, by their place in the batch: of each the last."""
        found = self.last_of(batch, range(len(batch.rows)))
        return {index: record for index, (record, _) in found.items()}

    def last_of(self, batch: RowBatch, places: Iterable[int]) -> dict[int, tuple[Record, int]]:
        """The records of those of these rows that were run, of each the last, with how many there
        were before it."""
        return self._tasks.last_of({index: row_id(batch.id, index) for index in places})

    def is_done(self, record: Record) -> bool:
        """Whether a row is done, and all that it has made is kept here."""
        return self._tasks.is_done(record)

    def run(
        self, batch: RowBatch, done: Collection[int] = (), steering: Steering | None = None
    ) -> Iterator[tuple[int, Record]]:
        """Run the rows but for those whose places are in `done`, and tell of each (its place, and
        its record) when it has ended.

        What failed before is tried again. Raises BatchGaveUp, and what `Starter.start` raises
        unless the `steering` knows what to do with it.
        """
        steering = steering or Steering()
        rest = deque(index for index in range(len(batch.rows)) if index not in done)
        failed = 0
        with LiveTasks[int](self._starter.runs) as live:
            while live or (rest and failed < MOST_FAILED and steering.wants_more()):
                while rest and failed < MOST_FAILED and not live.is_full and steering.wants_more():
                    try:
                        is_new = steering.is_new(rest[0])
                        begun = self._tasks.begin(self._task(batch, rest[0]), is_new=is_new)
                    except ComfyError as problem:
                        if not steering.refused(rest[0], problem):
                            if not live:
                                live.wait(_BEGIN_AGAIN_AFTER)
                            break
                        rest.popleft()
                        failed += 1
                    else:
                        steering.begun(rest[0], begun)
                        live.add(rest.popleft(), begun)
                for index, record in live.ended():
                    yield index, record
                    failed = self._failed_after(failed, record)
        if rest and failed >= MOST_FAILED:
            raise _gave_up()

    def _task(self, batch: RowBatch, index: int) -> Task:
        values = self._values(batch, batch.rows[index])
        return Task(row_id(batch.id, index), batch.workflow, values, str(batch.id))

    def _values(self, batch: RowBatch, row: Row) -> Mapping[str, object]:
        """Those that the row's own form has fields for."""
        if not batch.of_options:
            return row.values
        _, form = self._starter.forms.form(batch.workflow, self._owner, row.values)
        others = batch.of_options - {field.key for field in form.fields}
        return {key: value for key, value in row.values.items() if key not in others}

    def _failed_after(self, failed: int, record: Record) -> int:
        """How many rows have failed one after the other; those that somebody has stopped don't
        count. Too many stay too many."""
        if self.is_done(record):
            return failed if failed >= MOST_FAILED else 0
        return failed if record.state.phase is Phase.STOPPED else failed + 1


def _raise_if_any(problems: Sequence[str], rows: Iterable[tuple[Row, FieldErrors]]) -> None:
    """RowErrors with these problems, and then with those of the rows."""
    told, found = list(problems), [*map(BatchProblem, problems)]
    for row, error in rows:
        for key, said in error.errors.items():
            found.append(BatchProblem(said, key or None, row.number, row.line))
            told.append(found[-1].with_place(error.labelled[key]))
    if told:
        raise RowErrors([*told[:MOST_TOLD], *and_more(len(told) - MOST_TOLD)], found[:MOST_TOLD])


def and_more(count: int) -> list[str]:
    """The sentence that says how many more problems there are, if there are any."""
    return [plural("And {count} more.", "And {count} more.", count=count)] if count > 0 else []


def row_id(batch: uuid.UUID, index: int) -> uuid.UUID:
    """The task of the row at this place."""
    return uuid.uuid5(batch, str(index))


def _gave_up() -> BatchGaveUp:
    return BatchGaveUp(
        message(
            "{count} rows failed one after the other, so the batch was stopped.",
            count=MOST_FAILED,
        ),
        message("Read the last error, then continue."),
    )
