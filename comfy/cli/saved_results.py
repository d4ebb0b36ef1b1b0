"""Results of a batch in the shell: copies of the files, and a table of the rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.batches.queue import BatchQueue, BatchTable
from comfy.batches.results_table import ENCODING, table_head, table_line
from comfy.batches.table import Row
from comfy.cli.forms import OWNER
from comfy.cli.outcome import complain, complain_of, problems_of
from comfy.cli.save import save_copies
from comfy.form.fill import drawn_texts
from comfy.form.model import Form
from comfy.launch.start import Starter
from comfy.records.record import Record

RESULTS = "results.csv"  # in the results folder


@dataclass(slots=True)
class SavedResults:
    """Results of the rows, in the folder `out`. The records and saved files are by row index."""

    batches: BatchQueue
    batch_id: str
    form: Form
    out: Path
    starter: Starter
    records: dict[int, Record] = field(default_factory=dict)
    saved: dict[int, list[Path]] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    since: float = field(default_factory=time.time)

    def save_ended(self) -> Iterator[tuple[int, list[Path]]]:
        """Save the results of rows that have ended since the last call, and print errors on stderr.
        Yield the index and files of each row that has ended since the command started."""
        table = self.batches.table(self.batch_id, OWNER)
        new = set(table.states.places("done", "failed", "stopped")) - self.ended
        history = self.starter.runs.history
        assert history is not None  # `starter_in` opens it
        for index in sorted(new):
            self.ended.add(index)
            record = history.get(table.states.run(index), OWNER)
            files = self._save(table, index, record)
            if record is None or (record.state.finished_at or 0.0) >= self.since:
                yield index, files

    def _save(self, table: BatchTable, at: int, record: Record | None) -> list[Path]:
        where = f"Row {table.rows.number(at)}: "
        if problem := table.states.error(at):
            complain(f"{where}{problem}")
        if record is None:
            return []
        self.records[at] = record
        complain_of(record.state, self.form, where)
        prefix = f"{at + 1:0{len(str(len(table.rows)))}}-"
        try:
            self.saved[at] = save_copies(self.starter.blobs, record, self.out, prefix)
        except ComfyError as error:
            complain(f"{where}{error}", error.hint)
            return []
        if table.states[at] == "done":
            self.done.add(at)
        return self.saved[at]

    def write(self) -> bool:
        """Write the table of results. Return False if it can't be written."""
        rows = self.batches.table(self.batch_id, OWNER).rows
        try:
            _write_table(self.out / RESULTS, rows, self.records, self.saved, self.form)
        except ComfyError as error:
            complain(str(error), error.hint)
            return False
        return True


def _write_table(
    path: Path,
    rows: Sequence[Row],
    results: Mapping[int, Record],
    saved: Mapping[int, Sequence[Path]],
    form: Form,
) -> None:
    """Write the table of results. `results` and `saved` have the records and files by row index.
    Raises ComfyError and keeps the old table if it can't be written."""
    keys = list(dict.fromkeys(key for row in rows for key in row.values))
    labels = {field.key: field.label for field in form.fields}
    drawn = drawn_texts(form)
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding=ENCODING, newline="") as file:
            file.write(table_head(labels.get(key, key) for key in keys))
            for index, row in enumerate(rows):
                record = results.get(index)
                names = [one.name for one in saved.get(index, ())]
                problems = problems_of(record.state, form) if record else ()
                file.write(table_line(row, record, names, list(problems), keys, drawn))
        part.replace(path)
    except OSError as error:
        raise ComfyError(
            f"{path} cannot be written: {error.strerror or error}.",
            "If another program has it open, close it there.",
        ) from error
