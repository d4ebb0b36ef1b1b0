"""The table of a batch's rows: what was asked for and what came of it, for a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from comfy.batches.table import Row
from comfy.errors import ComfyError
from comfy.form.model import Form
from comfy.records.record import Record
from comfy.services.batches import RowBatch

_OF_A_RUN = ("row", "state", "files", "texts", "seconds", "error")
_NOTHING = ("",) * (len(_OF_A_RUN) - 1)


def write_results(
    path: Path,
    batch: RowBatch,
    results: Mapping[int, Record],
    saved: Mapping[int, Sequence[Path]],
    form: Form,
) -> None:
    """Write the table; `results` and `saved` have the records and the files of rows by their place.
    ComfyError if it cannot be written."""
    keys = list(dict.fromkeys(key for row in batch.rows for key in row.values))
    labels = {field.key: field.label for field in form.fields}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            table = csv.writer(file)
            table.writerow([*_OF_A_RUN, *(labels[key] for key in keys)])
            for index, row in enumerate(batch.rows):
                record = results.get(index)
                told = (
                    _told(record, saved.get(index, ())) if record else ("",) * (len(_OF_A_RUN) - 1)
                )
                table.writerow([row.number, *told, *_values(row, record, keys)])
    except OSError as error:
        raise ComfyError(
            f"{path} cannot be written: {error.strerror or error}.", "Close it elsewhere."
        ) from error


def _told(record: Record, saved: Sequence[Path]) -> tuple[str, ...]:
    state = record.state
    began, ended = state.started_at, state.finished_at
    return (
        state.phase.value,
        "\n".join(path.name for path in saved),
        _harmless("\n".join(text.text for text in state.texts)),
        f"{ended - began:.2f}" if began and ended else "",
        state.error.message if state.error else "",
    )


def _values(row: Row, record: Record | None, keys: Sequence[str]) -> Iterator[str]:
    """What was sent, which for a random seed only the record knows; else what was asked for."""
    sent = record.job.values if record else {}
    for key in keys:
        value = sent.get(key, row.values.get(key, ""))
        yield "" if value is None else _harmless(str(value))


def _harmless(text: str) -> str:
    """No formula: a spreadsheet would work it out."""
    return f"'{text}" if text[:1] in ("=", "+", "@") or text[:2] in ("-=", "-+", "-@") else text
