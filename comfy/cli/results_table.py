"""The table of a batch's rows: what was asked for and what came of it, for a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from comfy.batches.table import Row
from comfy.cli.outcome import problems_of
from comfy.errors import ComfyError
from comfy.form.model import Form
from comfy.records.record import Record
from comfy.services.batches import RowBatch

_OF_A_RUN = ("row", "state", "files", "texts", "seconds", "error")
# What a spreadsheet takes for the begin of a formula, and what it takes for a number all the same.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_NOTHING = ("",) * (len(_OF_A_RUN) - 1)


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
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8-sig", newline="") as file:
            table = csv.writer(file)
            table.writerow([*_OF_A_RUN, *(_harmless(labels.get(key, key)) for key in keys)])
            for index, row in enumerate(batch.rows):
                record = results.get(index)
                told = _told(record, saved.get(index, ()), form) if record else _NOTHING
                cells = [row.number, *told, *_values(row, record, keys)]
                table.writerow([_harmless(str(cell)) for cell in cells])
        part.replace(path)
    except OSError as error:
        raise ComfyError(
            f"{path} cannot be written: {error.strerror or error}.", "Close it elsewhere."
        ) from error


def _told(record: Record, saved: Sequence[Path], form: Form) -> tuple[str, ...]:
    state = record.state
    began, ended = state.started_at, state.finished_at
    return (
        state.phase.value,
        "\n".join(path.name for path in saved),
        "\n".join(text.text for text in state.texts),
        f"{ended - began:.2f}" if began and ended else "",
        "\n".join(problems_of(state, form)),
    )


def _values(row: Row, record: Record | None, keys: Sequence[str]) -> Iterator[object]:
    """What was sent, which for a random seed only the record knows; else what was asked for."""
    sent = record.job.values if record else {}
    for key in keys:
        value = sent.get(key, row.values.get(key, ""))
        yield "" if value is None else value


def _harmless(text: str) -> str:
    """No formula: a spreadsheet would work it out."""
    return f"'{text}" if text[:1] in _FORMULA and not _NUMBER.fullmatch(text) else text
