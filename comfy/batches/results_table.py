"""Table of a batch's rows for spreadsheets: requested values and results. Pure."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from comfy.batches.table import FORMULA, OF_A_RUN, Row
from comfy.form.fill import literal_texts
from comfy.records.record import Record

ENCODING = "utf-8-sig"  # the byte order mark tells spreadsheets the encoding
# Numbers that begin like a formula.
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_NOTHING = ("",) * (len(OF_A_RUN) - 1)


def table_head(labels: Iterable[str]) -> str:
    """Return the header line, with the labels of the fields that have a column."""
    return _line([*OF_A_RUN, *labels])


def table_line(
    row: Row,
    record: Record | None,
    files: Sequence[str] = (),
    problems: Sequence[str] = (),
    keys: Sequence[str] = (),
    drawn: Collection[str] = (),
) -> str:
    """Return the line of a row: its record if it ran, its file names, its problems, and the values
    of the fields with these keys. `drawn`: see `literal_texts`; with it, the table reproduces the
    same rows as input."""
    outcome = _told(record, files, problems) if record else _NOTHING
    return _line([row.number, *outcome, *_values(row, record, keys, drawn)])


def _line(cells: Iterable[object]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(_harmless(str(cell)) for cell in cells)
    return text.getvalue()


def _told(record: Record, files: Sequence[str], problems: Sequence[str]) -> tuple[str, ...]:
    state = record.state
    began, ended = state.started_at, state.finished_at
    return (
        state.phase.value,
        "\n".join(files),
        "\n".join(text.text for text in state.texts),
        f"{ended - began:.2f}" if began and ended else "",
        "\n".join(problems),
    )


def _values(
    row: Row, record: Record | None, keys: Sequence[str], drawn: Collection[str]
) -> Iterator[object]:
    """Return the sent values, since only the record knows a random seed; without a record, the
    requested values."""
    values = record.job.values if record else {}
    sent = literal_texts(drawn, {key: values[key] for key in keys if key in values})
    for key in keys:
        value = sent.get(key, row.values.get(key, ""))
        yield "" if value is None else _cell(value)


def _cell(value: object) -> object:
    """Return a list of rows as JSON, as a batch takes it."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def _harmless(text: str) -> str:
    """Escape a formula, which a spreadsheet would evaluate."""
    return f"'{text}" if FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
