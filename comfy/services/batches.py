"""A batch: the same workflow with other values for each row, a few of them at a time, each row done
once however often the program is killed."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from comfy.batches.table import Row
from comfy.errors import ComfyError
from comfy.messages import message, plural, sentences
from comfy.protocol.run_state import Phase
from comfy.records.record import Record
from comfy.runs.interface import Run
from comfy.services.start import FieldErrors, Starter

_MOST_TOLD = 20  # wrong rows
_AT_ONCE = 3  # rows that wait or run: the server never waits for the next
_MOST_FAILED = 5  # rows one after the other: what is wrong is wrong with all of them


class RowErrors(ComfyError):
    """Rows that the form refuses; `problems` holds a sentence for each wrong value, as many as
    anybody reads."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(sentences(*self.problems), message("Nothing was started."))


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
        self._runs = starter.runs
        self._owner = owner

    def check(self, batch: RowBatch) -> None:
        """RowErrors with all that the form refuses in any row; as `Starter.check` otherwise."""
        problems: list[str] = []
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
            raise RowErrors(problems)

    def resume(self) -> None:
        """Take up what was under way when the program ended, before any row is run."""
        self._runs.resume()

    def done(self, batch: RowBatch) -> dict[int, Record]:
        """The records of the rows that are done, by their place in the batch."""
        last = ((index, self._last(batch, index)[0]) for index in range(len(batch.rows)))
        return {index: one for index, one in last if one and one.state.phase is Phase.DONE}

    def run(self, batch: RowBatch, done: Collection[int] = ()) -> Iterator[tuple[int, Record]]:
        """Run the rows but for those whose places are in `done`, and tell of each (its place, and
        its record) when it has ended.

        What failed before is tried again. Raises BatchGaveUp, and what `Starter.start` raises.
        """
        changed = threading.Event()
        leave = self._runs.subscribe(lambda _: changed.set())
        rest = deque(index for index in range(len(batch.rows)) if index not in done)
        live: dict[int, Run] = {}
        failed = 0
        try:
            while rest or live:
                changed.clear()
                for index in [one for one, run in live.items() if run.state.phase.finished]:
                    record = live.pop(index).record
                    yield index, record
                    failed = 0 if record.state.phase is Phase.DONE else failed + 1
                    if failed >= _MOST_FAILED:
                        raise _gave_up(failed)
                while rest and len(live) < _AT_ONCE:
                    index = rest.popleft()
                    match self._begin(batch, index):
                        case Record() as record:
                            yield index, record
                        case run:
                            live[index] = run
                if live:
                    changed.wait()
        finally:
            leave()

    def _begin(self, batch: RowBatch, index: int) -> Run | Record:
        """The run of a row: the one that goes on since before a restart, or a new one; its record
        where it has come to be done meanwhile."""
        record, tries = self._last(batch, index)
        if record is not None and record.state.phase is Phase.DONE:
            return record
        if record is not None and not record.state.phase.finished:
            return self._runs.get(record.id, self._owner)
        return self._starter.start(
            batch.workflow,
            batch.rows[index].values,
            self._owner,
            watched=False,
            keeps_going=True,
            group=str(batch.id),
            run_id=_run_id(batch, index, tries),
        )

    def _last(self, batch: RowBatch, index: int) -> tuple[Record | None, int]:
        """The record of the last try of a row, and how many there were."""
        assert self._runs.history is not None
        last, tries = None, 0
        while record := self._runs.history.get(_run_id(batch, index, tries), self._owner):
            last, tries = record, tries + 1
        return last, tries


def _run_id(batch: RowBatch, index: int, tries: int) -> str:
    """The run of a row's try: always the same, so that none is started twice."""
    return str(uuid.uuid5(batch.id, f"{index}/{tries}"))


def _gave_up(failed: int) -> BatchGaveUp:
    return BatchGaveUp(
        message("{count} rows failed one after the other, so the batch was stopped.", count=failed),
        message("Look at what the last one says, then go on."),
    )
