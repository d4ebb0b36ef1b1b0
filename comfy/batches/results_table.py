"""The table of a batch's rows, for a spreadsheet: what was asked for and what came of it. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from comfy.batches.table import FORMULA, OF_A_RUN, Row
from comfy.form.fill import literal_texts
from comfy.records.record import Record

ENCODING = "utf-8-sig"  # by which a spreadsheet knows it
# Numbers in spreadsheets that begin like a formula.
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_NOTHING = ("",) * (len(OF_A_RUN) - 1)


def table_head(labels: Iterable[str]) -> str:
    """The first line; `labels`: of the fields whose values it has."""
    return _line([*OF_A_RUN, *labels])


def table_line(
    row: Row,
    record: Record | None,
    files: Sequence[str] = (),
    problems: Sequence[str] = (),
    keys: Sequence[str] = (),
    drawn: Collection[str] = (),
) -> str:
    """The line of a row: its record, if it was run, the names of its files, what went wrong, and
    the values of the fields with these keys. `drawn`: as of `literal_texts`, so that the table
    makes the same where it is used again."""
    told = _told(record, files, problems) if record else _NOTHING
    return _line([row.number, *told, *_values(row, record, keys, drawn)])


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
    """Return the sent values, since only the record knows a random seed; otherwise the requested
    ones."""
    values = record.job.values if record else {}
    sent = literal_texts(drawn, {key: values[key] for key in keys if key in values})
    for key in keys:
        value = sent.get(key, row.values.get(key, ""))
        yield "" if value is None else value


def _harmless(text: str) -> str:
    """No formula: a spreadsheet would work it out."""
    return f"'{text}" if FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
