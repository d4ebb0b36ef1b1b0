"""The table of a batch's rows as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.batches.results_table import ENCODING, table_head, table_line
from comfy.batches.runner import RowBatch
from comfy.cli.outcome import problems_of
from comfy.form.fill import drawn_texts
from comfy.form.model import Form
from comfy.records.record import Record


def write_results(
    path: Path,
    batch: RowBatch,
    results: Mapping[int, Record],
    saved: Mapping[int, Sequence[Path]],
    form: Form,
) -> None:
    """Write the table; `results` and `saved` have the records and the files of rows by their place.
    ComfyError if it cannot be written; then the one before stays."""
    keys = list(dict.fromkeys(key for row in batch.rows for key in row.values))
    labels = {field.key: field.label for field in form.fields}
    drawn = drawn_texts(form)
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding=ENCODING, newline="") as file:
            file.write(table_head(labels.get(key, key) for key in keys))
            for index, row in enumerate(batch.rows):
                record = results.get(index)
                names = [one.name for one in saved.get(index, ())]
                problems = problems_of(record.state, form) if record else ()
                file.write(table_line(row, record, names, list(problems), keys, drawn))
        part.replace(path)
    except OSError as error:
        raise ComfyError(
            f"{path} cannot be written: {error.strerror or error}.", "Close it elsewhere."
        ) from error
