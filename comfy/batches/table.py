"""Tables of values and of results: CSV or JSON lines, with a column per field and a row per run."""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from comfy.base.errors import ManyProblems
from comfy.base.messages import message, sentences
from comfy.base.wording import short
from comfy.batches.values import (
    MOST_ROWS,
    TooManyRows,
    UnknownField,
    choices_as_shown,
    find_field,
    meant_by,
)
from comfy.form.fill import literal_texts
from comfy.form.model import Field, Form
from comfy.prompt.value_types import BadValue
from comfy.records.record import Record

# Columns of a results table that describe a run: see comfy/batches/table.py.
OF_A_RUN = ("row", "state", "files", "texts", "seconds", "error")
# Beginnings of formulas in spreadsheets; a results table puts another apostrophe before them.
_FORMULA = re.compile(r"\A'*[=+\-@\t\r]")
_DELIMITERS = ",;\t"
# First line that tells Excel the cell separator.
_SAID_DELIMITER = re.compile(r'("?)sep=([^\w\s"\0]|\t)\1 *(?=[\r\n]|\Z)', re.IGNORECASE)
# Quoted cell; a quote inside an unquoted cell is an ordinary character.
_QUOTED = re.compile(r'(?<![^,;\t\r\n])"(?:[^"]++|"")*+"')
_PARTS_CELLS = re.compile(r"[,;\s]")
_SAYS_SOMETHING = re.compile(r'[^,;\s"]')


class TableErrors(ManyProblems):
    """A table has no readable rows."""


@dataclass(frozen=True, slots=True)
class Row:
    """Values by field key, and a number. In a table, it is the row's line as in a spreadsheet (the
    header is 1 if it comes first) or in the file. In a batch, rows count from 1. `line`: the
    table's line, for a batch row without other varied fields."""

    number: int
    values: Mapping[str, object]
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Readable rows of a file, and a sentence for each problem with its columns and lines.
    `columns`: the keys of the fields that any row sets, in the order of the file."""

    rows: tuple[Row, ...] = ()
    problems: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


def read_table(file: str, text: str, form: Form, translated: Callable[[str], str] = str) -> Table:
    """Read the rows of a CSV file, or of a JSON lines file if the name `file` ends like one.

    A column's header names its field, see `find_field` (also for `translated`); no row may set a
    field twice. Run columns of a results table are ignored beside fields, and its escapes of
    formulas are removed. An empty cell, null, or a missing key leaves the field unchanged. A first
    line `sep=;` sets the cell separator. Values aren't checked. Raises TableErrors for no rows, or
    too many.
    """
    problems: list[str] = []
    header: list[str] = []
    rows = read_cells(file, text, problems, header)
    if not rows:
        raise TableErrors(problems or [message("{file} has no rows.", file=short(file))])
    if len(rows) > MOST_ROWS:
        raise TableErrors([str(TooManyRows())])
    fields, of_columns = _fields(form, rows, header, translated)
    meant = {name: choices_as_shown(field) for name, field in fields.items()}
    read = (
        Row(
            row.number,
            {
                fields[name].key: meant[name].get(value, value)
                for name, value in row.values.items()
                if name in fields
            },
        )
        for row in rows
    )
    columns = dict.fromkeys(field.key for field in fields.values())
    return Table(tuple(read), (*of_columns, *problems), tuple(columns))


def read_cells(
    file: str, text: str, problems: list[str] | None = None, header: list[str] | None = None
) -> tuple[Row, ...]:
    """Return a file's rows, see `read_table`, as cells by column name. Adds errors to `problems`
    and a CSV's column names to `header`."""
    problems, header = [] if problems is None else problems, [] if header is None else header
    text = text.removeprefix("\ufeff")  # scripts may send a file unchanged
    if file.lower().endswith((".jsonl", ".ndjson")):
        return tuple(_read_json_lines(text, problems))
    return tuple(_read_csv(text, problems, header))


def _fields(
    form: Form, rows: Sequence[Row], header: Sequence[str], translated: Callable[[str], str]
) -> tuple[dict[str, Field], list[str]]:
    """Return the fields of columns, and errors: unknown fields, and fields given twice in a row. A
    column without values is ignored."""
    fields: dict[str, Field] = {}
    unknown: dict[str, str] = {}
    named = dict.fromkeys(name for row in rows for name in row.values)
    for name in dict.fromkeys(name for name in (*header, *named) if name in named):
        try:
            fields[name] = find_field(form, name, translated)
        except UnknownField:
            sentence = message("There is no field “{field}”.", field=short(name))
            unknown[name] = sentences(sentence, meant_by(form, name, translated))
    given = (Counter(fields[name].key for name in row.values if name in fields) for row in rows)
    twice = dict.fromkeys(key for counts in given for key, count in counts.items() if count > 1)
    for name in OF_A_RUN if fields else ():
        unknown.pop(name, None)
        if name in fields and fields[name].key in twice:
            del twice[fields.pop(name).key]
    problems = [*unknown.values()]
    problems += [
        message("Two columns are for the field “{field}”.", field=form.field(key).label)
        for key in twice
    ]
    return fields, problems


def _read_csv(text: str, problems: list[str], header: list[str]) -> Iterator[Row]:
    """Add errors to `problems`, and the column names to `header`."""
    delimiter = _delimiter(text)
    if first := _SAID_DELIMITER.match(text):
        # The rest of this line stays as an empty line, so numbers match.
        delimiter, text = first[2], text[first.end() :]
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines = ((at, cells) for at, cells in enumerate(table, 1) if any(map(str.strip, cells)))
    try:
        _, names = next(lines, (1, []))
        header += [name.strip() for name in names]
        problems += [
            message("Two columns are for the field “{field}”.", field=short(name))
            for name, count in Counter(header).items()
            if name and count > 1
        ]
        for number, cells in lines:
            if any(cell.strip() for cell in cells[len(header) :]):
                sentence = message(
                    "Line {line} has more cells than there are columns.", line=number
                )
                problems.append(sentence)
            is_ours = set(OF_A_RUN) <= set(header)
            named = zip(header, map(_as_it_was, cells) if is_ours else cells, strict=False)
            yield Row(number, {name: cell for name, cell in named if cell.strip()})
    except csv.Error as error:
        line = table.line_num
        problems.append(
            message("Line {line} of the table can't be read: {why}.", line=line, why=str(error))
        )


def _as_it_was(cell: str) -> str:
    """Remove a results table's escape of a formula from a cell."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell[1:]) else cell


def _delimiter(text: str) -> str:
    """Return the separator in the header, the first non-empty line."""
    bare = _QUOTED.sub(lambda cell: _PARTS_CELLS.sub(" ", cell[0]), text)
    lines = io.StringIO(bare, newline="")
    return max(_DELIMITERS, key=next(filter(_SAYS_SOMETHING.search, lines), "").count)


def _read_json_lines(text: str, problems: list[str]) -> Iterator[Row]:
    """Add errors to `problems`."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        values: Any = None
        with suppress(ValueError, RecursionError):
            values = _LINES.decode(line)
        if isinstance(values, dict):
            given = {key: value for key, value in values.items() if value is not None}
            yield Row(number, {key: _plain(value) for key, value in given.items()})
        else:
            problems.append(message("Line {line} isn't a JSON object.", line=number))


def _number(text: str) -> object:
    """Return a number, or the text of an overlong one, which its field refuses, as in a CSV."""
    number = float(text)
    return number if math.isfinite(number) else text


# Programs write NaN for an empty cell.
_LINES = json.JSONDecoder(
    parse_constant=lambda word: None if word == "NaN" else word, parse_float=_number
)


def _plain(value: object) -> object:
    return json.dumps(value) if isinstance(value, list | dict) else value


def plain_path(name: str) -> str:
    """Return the path that a cell names, with normalized separators and Unicode; macOS decomposes
    accented letters."""
    return unicodedata.normalize("NFC", name.strip().replace("\\", "/").removeprefix("./"))


class TableFiles:
    """Files by their paths."""

    def __init__(self, files: Mapping[str, object]) -> None:
        self._by_last = defaultdict[str, list[tuple[str, object]]](list)
        for name, file in files.items():
            path = plain_path(name)
            self._by_last[_last(path)].append((path, file))

    def find(self, name: str) -> object:
        """Return the file with this path, or the only one with this name in any folder. Raises
        BadValue for no match or several."""
        path = plain_path(name)
        among = self._by_last.get(_last(path), [])
        matches = [file for one, file in among if one == path]
        matches = matches or [file for one, file in among if one.endswith(f"/{path}")]
        match matches:
            case [file]:
                return file
            case []:
                raise BadValue(
                    message("The table needs “{file}”. Add that file.", file=short(name))
                )
        raise BadValue(
            message("Several files are named “{file}”. Include the folder name.", file=short(name))
        )


def _last(path: str) -> str:
    return path.rpartition("/")[2]


_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decoded_text(data: bytes) -> str:
    """Decode a file's text: UTF-8, UTF-16 with a byte order mark, otherwise Windows-1252, the
    encoding of Excel's plain CSV and many editors. Raises ValueError for other content, such as a
    spreadsheet. `ui/page/script/vary/text_file.js` decodes the same."""
    if data.startswith(_UTF_16):
        return data.decode("utf-16")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252")
    if "\0" in text:
        raise ValueError("not a text")
    return text


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
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
