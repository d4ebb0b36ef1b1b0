"""Specification of a batch: several values of some fields, or a table, on top of the form's values.
Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic import Field as Limited

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.base.wording import short
from comfy.batches.content import BatchContent, Column, check_together, with_distinct_names
from comfy.batches.table import Row, Table, TableErrors, TableFiles, read_table
from comfy.batches.values import MOST_ROWS, MOST_TEXT, TooManyRows, values_of
from comfy.form.fill import is_drawn
from comfy.form.model import Field, Form
from comfy.form.seeds import CountUp, next_seed
from comfy.prompt.value_types import BadValue, read_text
from comfy.prompt.wildcards import (
    LinesOf,
    every_text,
    has_alternatives,
    literal_text,
    resolve_wildcards,
)

_MOST_AXES = 20
_MOST_FILES = 1_000
_LOOKED_AT = 1_000  # checked texts of a text with alternatives
_AS_NAMED = ConfigDict(extra="forbid")  # refuse misspelled names


@dataclass(frozen=True, slots=True)
class AxisSpec:
    """Several values of the field with this key, given in one of four ways: a `text` for
    `values_of`; `values`, except files; `files`; or `replace`, lines whose first one is searched in
    the field's own text and replaced by each."""

    __pydantic_config__: ClassVar[ConfigDict] = _AS_NAMED

    field: str
    text: str | None = None
    files: Annotated[tuple[Any, ...] | None, Limited(max_length=_MOST_FILES)] = None
    replace: str | None = None
    values: tuple[Any, ...] | None = None

    @property
    def is_one(self) -> bool:
        """Tell if the values are given in at most one way."""
        given = (self.text, self.files, self.replace, self.values)
        return sum(one is not None for one in given) <= 1


@dataclass(frozen=True, slots=True)
class TableSpec:
    """Table file with a column per field, see `read_table`: its name, its text, and the files that
    its cells name, see `TableFiles`."""

    __pydantic_config__: ClassVar[ConfigDict] = _AS_NAMED

    name: str
    text: str
    files: Annotated[Mapping[str, Any], Limited(max_length=_MOST_FILES)] = field(
        default_factory=dict
    )


# Mode of unvaried seeds: the form's, one for all rows, or a new one in each row. The last mode also
# draws alternatives in texts again for each row.
Seeds = Literal["form", "one", "each"]


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """Batch to run: every combination of the values, the first axis changing slowest. If `paired`,
    the first values together, then the second values, and so on."""

    __pydantic_config__: ClassVar[ConfigDict] = _AS_NAMED

    axes: Annotated[tuple[AxisSpec, ...], Limited(max_length=_MOST_AXES)] = ()
    table: TableSpec | None = None
    paired: bool = False
    seeds: Seeds = "form"


_SPEC = TypeAdapter(BatchSpec)
_NO_SPEC = (
    'Send "axes": [{"field": "5.steps", "text": "10..30:10"}], or "table": '
    '{"name": "values.csv", "text": "Steps,Prompt…"}.'
)


class BadSpec(ComfyError):
    """JSON values aren't a batch spec."""


def parse_spec(
    data: object, read_file: Callable[[str | None, object], object], media: Collection[str] = ()
) -> BatchSpec:
    """Convert JSON values to a spec.

    `read_file` converts the JSON value of a file. Its first argument is the key of the file's
    field, None for a file of the table. The `values` of the fields `media` are files too. Raises
    BadSpec and the errors of `read_file`.
    """
    try:
        spec = _SPEC.validate_python(data)
    except ValidationError as problem:
        raise BadSpec(_why_too_large(problem) or _NO_SPEC) from None

    def with_files(axis: AxisSpec) -> AxisSpec:
        if axis.files is None and axis.field in media:
            axis = replace(axis, files=axis.values, values=None)
        files = axis.files
        return replace(axis, files=files and tuple(read_file(axis.field, one) for one in files))

    spec = replace(spec, axes=tuple(map(with_files, spec.axes)))
    if spec.table is None:
        return spec
    named = {name: read_file(None, one) for name, one in spec.table.files.items()}
    return replace(spec, table=replace(spec.table, files=named))


def _why_too_large(problem: ValidationError) -> str:
    """Return a sentence about too many fields or files, "" for any other problem."""
    match problem.errors(include_url=False, include_input=False)[0]:
        case {"type": "too_long", "loc": (*_, "files"), "ctx": {"max_length": int(most)}}:
            return message("You can add at most {most} files.", most=most)
        case {"type": "too_long", "loc": ("axes",), "ctx": {"max_length": int(most)}}:
            return message(
                "No more than {most} fields can vary at once. Use a table for more.", most=most
            )
    return ""


@dataclass(frozen=True, slots=True)
class BatchProblem:
    """Error of a batch with its position: a field's key, a row's number, a line of the table, or a
    value's index in the field, from 0. None if not applicable. `of_table`: it concerns the whole
    table or one of its columns."""

    message: str
    field: str | None = None
    row: int | None = None
    line: int | None = None
    place: int | None = None
    of_table: bool = False

    def with_place(self, sentence: str) -> str:
        """Prefix `sentence` with the problem's line or row."""
        if self.line is not None:
            return message("Line {line}, {problem}", line=self.line, problem=sentence)
        if self.row is not None:
            return message("Row {row}, {problem}", row=self.row, problem=sentence)
        return sentence


def read_batch(
    form: Form,
    spec: BatchSpec,
    base: Mapping[str, object],
    lines_of: LinesOf | None = None,
    translated: Callable[[str], str] = str,
) -> tuple[BatchContent, tuple[BatchProblem, ...]]:
    """Return the readable part of a batch, and all errors. `base`: the form's values; `lines_of`:
    see `values_of`; `translated`: see `find_field`. Doesn't check values or count rows."""
    problems: list[BatchProblem] = []
    table = _table(spec.table, form, translated)
    problems += (BatchProblem(said, of_table=True) for said in table.problems)
    if spec.table is not None:
        rows, not_found = _with_files(form, table.rows, TableFiles(spec.table.files))
        table = replace(table, rows=rows)
        problems += not_found
    labels = {field.key: field.label for field in form.fields}
    columns = tuple(Column(key, labels[key]) for key in table.columns)
    fields, axes = {field.key: field for field in form.fields}, list[Column]()
    size = 0
    for axis in spec.axes:
        axis_field = fields.get(axis.field)
        given = {column.key for column in (*columns, *axes)}
        try:
            column = _column(form, axis_field, axis, base, given, lines_of)
            size += sum(len(value) for value in column.values if isinstance(value, str))
            if size > MOST_TEXT:  # one column may have this much; check the total
                raise TooManyRows
            axes.append(column)
        except BadValue as error:
            problems.append(BatchProblem(str(error), axis.field))
    if spec.table is None and not spec.axes:
        problems.append(BatchProblem(message("Choose a field and give it several values.")))
    values = {**base, **_texts(form, axes, base)}
    problems += _too_long(values, table.rows, axes)
    redraws = any(fields[column.key].redraws for column in (*columns, *axes))
    content = BatchContent(values, columns, table.rows, tuple(axes), spec.paired, redraws)
    return content, tuple(problems)


def drawn_content(
    form: Form, content: BatchContent, seeds: Seeds, rng: random.Random
) -> BatchContent:
    """Return the content to run: with seeds, with drawn texts unless each row draws its own, and
    with distinct file names."""
    content = with_distinct_names(with_seeds(form, content, seeds, rng))
    return content if seeds == "each" else _with_drawn_texts(form, content, rng)


def with_seeds(form: Form, content: BatchContent, seeds: Seeds, rng: random.Random) -> BatchContent:
    """Return the batch with these seeds; a numeric seed applies to all rows. Values drawn in each
    row are listed among the common values, so that results show them."""
    given = {column.key for column in content.shown}
    drawn: dict[str, object] = {}
    for form_field in form.fields:
        if form_field.group == "hidden" or form_field.key in given:
            continue
        if form_field.is_seed:
            match content.base.get(form_field.key):
                case None | CountUp() as seed if seeds == "one":
                    drawn[form_field.key] = next_seed(form_field, seed, rng)
                case seed if seed is None or seeds == "each":
                    drawn[form_field.key] = None
        elif (
            seeds == "each"
            and is_drawn(form, form_field)
            and has_alternatives(text := _text_of(form_field, content.base))
        ):
            drawn[form_field.key] = text
    return replace(content, base={**content.base, **drawn})


def _with_drawn_texts(form: Form, content: BatchContent, rng: random.Random) -> BatchContent:
    """Return the batch with one alternative drawn for all rows in each text of the form, except in
    texts where some alternatives lack the words to replace."""
    whole = {axis.key for axis in content.axes if not axis.find}
    drawn: dict[str, object] = {}
    for form_field in form.fields:
        text = _text_of(form_field, content.base)
        if (
            form_field.group == "hidden"
            or form_field.key in whole
            or not is_drawn(form, form_field)
        ):
            continue
        finds = [axis.find for axis in content.axes if axis.key == form_field.key]
        several = [*every_text(text, _LOOKED_AT)]
        if len(several) > 1 and all(find in said for find in finds for said in several):
            drawn[form_field.key] = literal_text(resolve_wildcards(text, rng))
    return replace(content, base={**content.base, **drawn})


def _table(spec: TableSpec | None, form: Form, translated: Callable[[str], str]) -> Table:
    if spec is None:
        return Table()
    try:
        return read_table(spec.name, spec.text, form, translated)
    except TableErrors as errors:
        return Table(problems=errors.problems)


def _with_files(
    form: Form, rows: tuple[Row, ...], files: TableFiles
) -> tuple[tuple[Row, ...], list[BatchProblem]]:
    """Replace file names in rows by files, and return messages about unknown ones."""
    media = {one.key: one.default for one in form.fields if one.is_media}
    new_rows: list[Row] = []
    problems: list[BatchProblem] = []
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
        new_rows.append(replace(row, values=values))
    return tuple(new_rows), problems


def _column(
    form: Form,
    field: Field | None,
    axis: AxisSpec,
    base: Mapping[str, object],
    given: set[str],
    lines_of: LinesOf | None,
) -> Column:
    """Return the values of an axis. Raises BadValue without any. `given` has the keys that already
    have values."""
    if field is None:
        raise BadValue(f"There is no field “{short(axis.field)}”.")
    if not axis.is_one:
        raise BadValue(_given_twice(field))
    if axis.replace is not None:
        return _replaced(field, axis.replace, base, given)
    if field.key in given:
        raise BadValue(_given_twice(field))
    if field.is_media:
        if not axis.files:
            raise BadValue(message("Add a file."))
        return Column(field.key, field.label, axis.files)
    if axis.files is not None:
        raise BadValue("This field doesn't take files.")
    if axis.values is not None:
        if not axis.values:
            raise BadValue(message("Choose a field and give it several values."))
        if len(axis.values) > MOST_ROWS:
            raise TooManyRows
        return Column(field.key, field.label, axis.values)
    return Column(field.key, field.label, values_of(form, field, axis.text or "", lines_of))


def _given_twice(field: Field) -> str:
    return f"{field.label} is given twice. Leave one of them out."


def _replaced(field: Field, text: str, base: Mapping[str, object], given: set[str]) -> Column:
    words = tuple(line.rstrip("\r") for line in text.split("\n") if line.strip())
    if not field.is_text:
        raise BadValue("Words can only be replaced in text fields.")
    if not words:
        raise BadValue(message("Enter the text to find."))
    if len(words) > MOST_ROWS:
        raise TooManyRows
    read_text(base.get(field.key))  # otherwise the check would use Python's notation
    if field.key not in given and words[0] not in _text_of(field, base):
        raise BadValue(
            message("This field's text doesn't contain “{words}”.", words=short(words[0]))
        )
    return Column(field.key, field.label, words, find=words[0])


def _too_long(
    base: Mapping[str, object], table: tuple[Row, ...], axes: list[Column]
) -> Iterator[BatchProblem]:
    """Return the texts that may grow too long with all replacements. If only one word in the form's
    own text is replaced, each value is checked separately."""
    for key in dict.fromkeys(column.key for column in axes if column.find):
        own = [column for column in axes if column.key == key]
        texts = [str(row.values.get(key, base.get(key, ""))) for row in table]
        texts = [str(one) for column in own if not column.find for one in column.values] or texts
        finds = [(one.find, [*map(str, one.values)]) for one in own if one.find]
        if texts or len(finds) > 1:
            try:
                check_together(texts or [str(base.get(key, ""))], finds)
            except BadValue as error:
                yield BatchProblem(str(error), key)


def _texts(form: Form, axes: list[Column], base: Mapping[str, object]) -> dict[str, object]:
    """Return the texts with words to replace, even of hidden fields."""
    keys = {column.key for column in axes if column.find}
    return {field.key: _text_of(field, base) for field in form.fields if field.key in keys}


def _text_of(field: Field, base: Mapping[str, object]) -> str:
    return str(base.get(field.key, field.default))
