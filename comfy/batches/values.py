"""Values of a batch as users write them: several for one field (`1..10:3`, `euler, dpmpp_2m`, one
text per line, `a {red|green} boat`), or a table with a column per field and a row per run. Also
tables of results, and the names that users give to fields."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from itertools import chain
from typing import Any

from comfy.base.errors import ManyProblems
from comfy.base.json_values import parse_json
from comfy.base.messages import message, sentences
from comfy.base.wording import did_you_mean, short
from comfy.batches.spec import BatchProblem, TableSpec
from comfy.form.fill import is_drawn, literal_texts
from comfy.form.model import Field, Form, Several
from comfy.prompt.value_types import BadValue
from comfy.prompt.wildcards import LinesOf, check_blocks, every_text
from comfy.records.record import Record

MOST_ROWS = 10_000
MOST_TEXT = 50_000_000  # characters of all values together
_NUMBER = r"[+-]?\d{1,40}(?:\.\d{1,20})?"
_RANGE = re.compile(rf"\A({_NUMBER})\.\.({_NUMBER})(?::({_NUMBER}))?", re.ASCII)
# Columns of a results table that describe a run: see comfy/batches/values.py.
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
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
ENCODING = "utf-8-sig"  # the byte order mark tells spreadsheets the encoding
# Numbers that begin like a formula.
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


class UnknownField(ManyProblems):
    """A form has no such field; the one problem names it and suggests a similar field."""


def find_field(form: Form, name: str, translated: Callable[[str], str] = str) -> Field:
    """Return the field with this name: its key, an input that it sets (`6.text`), its label in any
    case, in the author's or the user's language (`translated`), or an input's unique bare name.
    Raises UnknownField without a match."""
    word = name.strip()
    for field in form.fields:
        if word == field.key or any(target.key == word for target in field.targets):
            return field
    shown = [field for field in form.fields if field.group != "hidden"]
    for called in (str, translated):
        for field in sorted(shown, key=lambda one: called(one.label) != word):
            if called(field.label).casefold() == word.casefold():
                return field
    match [field for field in shown if field.input == word]:
        case [field]:
            return field
    sentence = message("There is no field “{field}”.", field=short(word))
    raise UnknownField([sentences(sentence, meant_by(form, word, translated))])


def meant_by(form: Form, name: str, translated: Callable[[str], str]) -> str:
    """Return a suggestion of a similar field for an unknown name, or ""."""
    shown = (field for field in form.fields if field.group != "hidden")
    return did_you_mean(name.strip()[:200], (translated(field.label) for field in shown))


class TooManyRows(BadValue):
    """A batch would have too many rows."""

    def __init__(self) -> None:
        super().__init__(message("A batch can have at most {count} rows.", count=MOST_ROWS))


def choices_as_shown(field: Field) -> Mapping[object, str]:
    """Return the sent value of each choice with a different label, such as model files without
    folder and extension. Only for unique labels that no other choice sends."""
    choices = [(str(label), str(value)) for label, value in field.choices or ()]
    shown, sent = Counter(label for label, _ in choices), {value for _, value in choices}
    return {label: value for label, value in choices if shown[label] == 1 and label not in sent}


def values_of(
    form: Form, field: Field, text: str, lines_of: LinesOf | None = None
) -> tuple[object, ...]:
    """Return the values that `text` stands for, at least one; they aren't checked against the
    field. Raises BadValue for no values or too many.

    Numbers: `1, 2, 5` and ranges, `1..10:3` for 1, 4, 7, 10. Choices and yes or no: `a, b`, in
    quotes if they contain a comma; choices also by their labels. Texts: one per line, expanded to
    all texts that its wildcards and the names of files stand for, as in `every_text`. Boxes and
    curves: one per line. Anything else is one value.
    """
    values: list[str] = []
    size = 0
    for value in _read(form, field, text, lines_of and cache(lines_of)):
        size += len(value)
        if len(values) == MOST_ROWS or size > MOST_TEXT:
            raise TooManyRows
        values.append(value)
    return tuple(values)


def _read(form: Form, field: Field, text: str, lines_of: LinesOf | None) -> Iterator[str]:
    match field.kind.several:
        case Several.NUMBERS | Several.SEEDS:
            return chain.from_iterable(map(_range, text.split(",")))
        case Several.CHOICES | Several.LIST:
            return _items(field, text)
        case Several.TEXTS:
            return _texts(form, field, text, lines_of)
        case Several.LINES:
            return iter(_lines(text))
        case Several.FILES:
            return iter((text,))


def _range(text: str) -> Iterator[str]:
    item = text.strip()
    if ".." not in item:
        return iter((item,))
    match = _RANGE.fullmatch(item.replace(" ", ""))
    first, last, step = map(Decimal, match.groups("1") if match else "000")
    if not step:
        raise BadValue(
            message("“{text}” isn't a range. Use a format like 1..10 or 1..10:3.", text=short(item))
        )
    return _counted(first, last, abs(step) if first <= last else -abs(step))


def _counted(first: Decimal, last: Decimal, step: Decimal) -> Iterator[str]:
    for count in itertools.count():
        number = first + count * step
        if number > last if step > 0 else number < last:
            return
        yield f"{number.normalize():f}"


def _items(field: Field, text: str) -> Iterator[str]:
    meant = choices_as_shown(field)
    if text in meant or any(text == value for _, value in field.choices or ()):
        return iter((meant.get(text, text),))
    try:
        (items,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (ValueError, csv.Error):  # line breaks, or unclosed quotes
        return iter((text,))
    named = (item.strip() for item in items or [text])
    return (meant.get(item, item) for item in named)


def _texts(form: Form, field: Field, text: str, lines_of: LinesOf | None) -> Iterator[str]:
    lines = _lines(text)
    if not is_drawn(form, field):
        return iter(lines)
    for line in lines:
        check_blocks(line)
    return chain.from_iterable(every_text(line, MOST_ROWS + 1, lines_of) for line in lines)


def _lines(text: str) -> list[str]:
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()] or [""]


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
    """Readable rows of a file, and its problems. `columns`: the keys of the fields that any row
    sets, in the order of the file."""

    rows: tuple[Row, ...] = ()
    problems: tuple[BatchProblem, ...] = ()
    columns: tuple[str, ...] = ()


def read_table(spec: TableSpec, form: Form, translated: Callable[[str], str] = str) -> Table:
    """Read the rows of a CSV file, or of a JSON lines file if its name ends like one, with the
    files that its cells name.

    A column's header names its field, see `find_field` (also for `translated`); no row may set a
    field twice. Run columns of a results table are ignored beside fields, and its escapes of
    formulas are removed. An empty cell, null, or a missing key leaves the field unchanged. A first
    line `sep=;` sets the cell separator. Values aren't checked. A table without rows, or with too
    many, has problems only.
    """
    wrong_lines: list[str] = []
    header: list[str] = []
    rows = read_cells(spec.name, spec.text, wrong_lines, header)
    if not rows:
        return _refused(wrong_lines or [message("{file} has no rows.", file=short(spec.name))])
    if len(rows) > MOST_ROWS:
        return _refused([str(TooManyRows())])
    fields, wrong_columns = _fields(form, rows, header, translated)
    problems = [*_refused([*wrong_columns, *wrong_lines]).problems]
    rows = tuple(_by_field(rows, fields))
    rows = tuple(_with_files(rows, form, TableFiles(spec.files), problems))
    columns = dict.fromkeys(field.key for field in fields.values())
    return Table(rows, tuple(problems), tuple(columns))


def _refused(problems: Iterable[str]) -> Table:
    return Table(problems=tuple(BatchProblem(one, of_table=True) for one in problems))


def _by_field(rows: Iterable[Row], fields: Mapping[str, Field]) -> Iterator[Row]:
    """Yield the rows with the cells of these columns by the keys of their fields, and with the
    values of choices in place of their labels."""
    choices = {name: choices_as_shown(field) for name, field in fields.items()}
    for row in rows:
        values = {
            fields[name].key: choices[name].get(cell, cell)
            for name, cell in row.values.items()
            if name in fields
        }
        yield replace(row, values=values)


def _with_files(
    rows: Iterable[Row], form: Form, files: TableFiles, problems: list[BatchProblem]
) -> Iterator[Row]:
    """Yield the rows with files in place of their names, except of the author's own. Adds errors
    about unknown files to `problems`."""
    media = {field.key: field.default for field in form.fields if field.is_media}
    for row in rows:
        values = dict(row.values)
        for key, name in row.values.items():
            if key not in media or not isinstance(name, str) or name == media[key]:
                continue
            try:
                values[key] = files.find(name)
            except BadValue as error:
                del values[key]
                problems.append(BatchProblem(str(error), key, line=row.number))
        yield replace(row, values=values)


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
        with suppress(ValueError):
            values = parse_json(line, _LINES)
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


def table_head(labels: Iterable[str]) -> str:
    """Return the header line, with the labels of the fields that have a column."""
    return csv_line([*OF_A_RUN, *labels])


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """File names and problems of a row. `failed`: it has failed although its last run hasn't, or
    without a run."""

    files: Sequence[str] = ()
    problems: Sequence[str] = ()
    failed: bool = False


def table_line(
    row: Row,
    record: Record | None,
    outcome: RowOutcome,
    keys: Sequence[str],
    drawn: Collection[str],
) -> str:
    """Return the line of a row: its record if it ran, its outcome, and the values of the fields
    with these keys. `drawn`: see `literal_texts`; with it, the table reproduces the same rows as
    input."""
    return csv_line([row.number, *_told(record, outcome), *_values(row, record, keys, drawn)])


def csv_line(cells: Iterable[object]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(_harmless(str(cell)) for cell in cells)
    return text.getvalue()


def _told(record: Record | None, outcome: RowOutcome) -> tuple[str, ...]:
    phase = seconds = texts = ""
    if record is not None:
        phase, texts = record.state.phase.value, "\n".join(one.text for one in record.state.texts)
        began, ended = record.state.started_at, record.state.finished_at
        seconds = f"{ended - began:.2f}" if began and ended else ""
    state, problems = "failed" if outcome.failed else phase, "\n".join(outcome.problems)
    return (state, "\n".join(outcome.files), texts, seconds, problems)


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
    return f"'{text}" if _FORMULA.match(text) and not _PLAIN_NUMBER.fullmatch(text) else text
