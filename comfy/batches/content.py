"""Content of a batch, which stores each value once: read from a specification, drawn, and turned
into rows."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any, overload

from comfy.base.errors import BatchNotFound, ComfyError
from comfy.base.messages import message, message_from_json, message_to_json
from comfy.base.wording import short
from comfy.batches.grids import fits_grid
from comfy.batches.spec import AxisSpec, BatchProblem, BatchSpec, Seeds
from comfy.batches.values import (
    MOST_ROWS,
    MOST_TEXT,
    Row,
    Table,
    TooManyRows,
    read_table,
    values_of,
)
from comfy.form.fill import is_drawn
from comfy.form.model import Field, Form
from comfy.form.seeds import CountUp, next_seed
from comfy.launch.uploads import (
    Upload,
    distinctly_named,
    kept_uploads,
    value_from_json,
    value_to_json,
    values_from_json,
    values_to_json,
)
from comfy.prompt.value_types import LONGEST_TEXT, BadValue, read_text, too_long
from comfy.prompt.wildcards import (
    LinesOf,
    every_text,
    has_alternatives,
    literal_text,
    resolve_wildcards,
)
from comfy.records.blobs import BlobStore
from comfy.records.database import Within
from comfy.records.groups import Group, GroupTooLarge
from comfy.records.store import RunStore

_LOOKED_AT = 1_000  # checked texts of a text with alternatives
UNPAIRED = message("To run row by row, all fields need the same number of values.")
_TABLE = "table"


class UnequalLengths(ComfyError):
    """Paired fields have different numbers of values."""


def combined(
    axes: Mapping[str, Sequence[object]], table: Sequence[Row] = (), *, paired: bool = False
) -> tuple[Row, ...]:
    """Return the rows of a batch from the values of each field, by its key: all combinations, the
    table changing slowest, then the first field. If `paired`, the first values together, then
    the second values, and so on.

    A single value applies to every row. Numbers count from 1; if only the table has several rows,
    `line` is the table's line. Raises BadValue for too many rows, UnequalLengths for pairs of
    unequal lengths.
    """
    columns: list[Sequence[Mapping[str, object]]] = [[row.values for row in table]] if table else []
    columns += [[{key: value} for value in values] for key, values in axes.items()]
    combinations = _paired(columns) if paired else _product(columns)
    rows = [{key: value for part in parts for key, value in part.items()} for parts in combinations]
    lines = [row.number for row in table] if len(rows) == len(table) else [None] * len(rows)
    return tuple(
        Row(number, values, line)
        for number, (values, line) in enumerate(zip(rows, lines, strict=True), 1)
    )


def _product(
    columns: Sequence[Sequence[Mapping[str, object]]],
) -> Iterable[tuple[Mapping[str, object], ...]]:
    if math.prod(map(len, columns)) > MOST_ROWS:
        raise TooManyRows
    return product(*columns)


def _paired(
    columns: Sequence[Sequence[Mapping[str, object]]],
) -> Iterable[tuple[Mapping[str, object], ...]]:
    lengths = {len(column) for column in columns} - {1}
    if len(lengths) > 1:
        raise UnequalLengths(
            UNPAIRED,
            message("Or choose every combination instead."),
        )
    count = max(lengths, default=1)
    filled = [column if len(column) > 1 else [column[0]] * count for column in columns]
    return zip(*filled, strict=True)


def replaced(text: str, find: str, value: str) -> str:
    """Return the text with all occurrences of `find` replaced by `value`. Raises BadValue
    beforehand if the result would exceed the limit of fields."""
    if len(text) > LONGEST_TEXT:
        raise too_long()
    if len(text) + text.count(find) * (len(value) - len(find)) > LONGEST_TEXT:
        raise too_long()
    return text.replace(find, value)


def check_together(
    texts: Collection[str], replacements: Sequence[tuple[str, Sequence[str]]]
) -> None:
    """Raise BadValue if a text could exceed the limit of fields after all replacements. Each
    replacement has a search text and its possible values.

    Uses the maximum count of each character: a text contains the search text at most as often as
    its rarest character.
    """
    length = max(map(len, texts), default=0)
    most = Counter[str]()
    if len(replacements) > 1 and length <= LONGEST_TEXT:
        for text in texts:
            most |= Counter(text)
    for index, (find, values) in enumerate(replacements):
        looked_for = Counter(find)
        if index == 0:
            count = max((text.count(find) for text in texts), default=0)
        else:
            count = min(most[letter] // times for letter, times in looked_for.items())
        length += count * max(0, *(len(value) - len(find) for value in values))
        if length > LONGEST_TEXT:
            raise BadValue(message("Maximum {most} characters.", most=f"{LONGEST_TEXT:,}"))
        if index + 1 < len(replacements):
            added = Counter[str]()
            for value in values:
                added |= Counter(value) - looked_for
            most += Counter({letter: count * times for letter, times in added.items()})


@dataclass(frozen=True, slots=True)
class Column:
    """Varied field: key, label and values, one row each; a table column has no values here. `find`:
    the text in the field that the values replace."""

    key: str
    label: str
    values: tuple[object, ...] = ()
    find: str = ""


@dataclass(frozen=True)  # without slots, for the cached property
class BatchContent(Sequence[Row]):
    """Rows of a batch, created on access from values that are stored once.

    `base` has the values that all rows share, `columns` and `table` the table, `axes` the other
    varied fields. `paired`: see `combined`. `redraws`: rows choose options that have other fields.
    Access to rows raises BadValue for too many rows, or for a row whose text would grow too long,
    and UnequalLengths for pairs of unequal lengths.
    """

    base: Mapping[str, object]
    columns: tuple[Column, ...] = ()
    table: tuple[Row, ...] = ()
    axes: tuple[Column, ...] = ()
    paired: bool = False
    redraws: bool = False

    @cached_property
    def _chosen(self) -> tuple[Row, ...]:
        axes = {str(at): range(len(axis.values)) for at, axis in enumerate(self.axes)}
        lines = [Row(row.number, {_TABLE: at}) for at, row in enumerate(self.table)]
        return combined(axes, lines, paired=self.paired)

    @property
    def of_options(self) -> frozenset[str]:
        """Return the keys of values that a row omits if its option has no such field."""
        varied = {column.key for column in self.shown}
        return frozenset(self.base.keys() - varied) if self.redraws else frozenset()

    @property
    def shown(self) -> tuple[Column, ...]:
        """Return all varied columns, the table's first."""
        return self.columns + self.axes

    @property
    def is_grid(self) -> bool:
        """Tell if the batch is every combination of few fields with few enough values to view."""
        counts = [len(axis.values) for axis in self.axes]
        return fits_grid(counts) and not self.table and not self.paired

    def __len__(self) -> int:
        return len(self._chosen)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        row = self._chosen[index]
        values = {
            key: value.ahead(index) if isinstance(value, CountUp) else value
            for key, value in self.base.items()
        }
        values |= self._line(row)
        for column, value in self._values(row):
            text = str(values.get(column.key, ""))
            values[column.key] = replaced(text, column.find, str(value)) if column.find else value
        return replace(row, values=values)

    def number(self, index: int) -> int:
        """Return the user-visible number of the row at this index."""
        return self._chosen[index].number

    def cells(self, index: int) -> tuple[object, ...]:
        """Return a row's values in the columns of `shown`. An empty table cell has the
        form's value; None stands for no value, or for a value that is drawn for the row."""
        row = self._chosen[index]
        given = {**self.base, **self._line(row)}
        own = (given.get(column.key) for column in self.columns)
        known = (None if isinstance(value, CountUp) else value for value in own)
        return (*known, *(value for _, value in self._values(row)))

    def varied(self, index: int) -> dict[str, object]:
        """Return a row's known values by the keys of the varied fields: the whole text of a field
        that several columns change, otherwise the cell."""
        keys = [column.key for column in self.shown]
        known_values = dict(zip(keys, self.cells(index), strict=True))
        if len(known_values) < len(keys):
            whole = self[index].values
            known_values |= {key: whole[key] for key, count in Counter(keys).items() if count > 1}
        return {key: value for key, value in known_values.items() if value is not None}

    def unset(self, index: int) -> list[int]:
        """Return the indexes of a row's columns without a cell, which use the form's value."""
        line = self._line(self._chosen[index])
        return [at for at, one in enumerate(self.columns) if one.key not in line]

    def _line(self, row: Row) -> Mapping[str, object]:
        match row.values.get(_TABLE):
            case int(index):
                return self.table[index].values
        return {}

    def _values(self, row: Row) -> Iterator[tuple[Column, object]]:
        for index, axis in enumerate(self.axes):
            match row.values[str(index)]:
                case int(chosen):
                    yield axis, axis.values[chosen]


def read_batch(
    form: Form,
    spec: BatchSpec,
    base: Mapping[str, object],
    lines_of: LinesOf | None = None,
    translated: Callable[[str], str] = str,
) -> tuple[BatchContent, tuple[BatchProblem, ...]]:
    """Return the readable part of a batch, and all errors. `base`: the form's values; `lines_of`:
    see `values_of`; `translated`: see `find_field`. Doesn't check values or count rows."""
    table = read_table(spec.table, form, translated) if spec.table is not None else Table()
    problems = [*table.problems]
    fields = {field.key: field for field in form.fields}
    columns = tuple(Column(key, fields[key].label) for key in table.columns)
    axes: list[Column] = []
    size = 0
    for axis in spec.axes:
        given = {column.key for column in (*columns, *axes)}
        try:
            column = _column(form, axis, base, given, lines_of)
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
    for field in form.fields:
        if field.group == "hidden" or field.key in given:
            continue
        if field.is_seed:
            match content.base.get(field.key):
                case None | CountUp() as seed if seeds == "one":
                    drawn[field.key] = next_seed(field, seed, rng)
                case seed if seed is None or seeds == "each":
                    drawn[field.key] = None
        elif (
            seeds == "each"
            and is_drawn(form, field)
            and has_alternatives(text := _text_of(field, content.base))
        ):
            drawn[field.key] = text
    return replace(content, base={**content.base, **drawn})


def _with_drawn_texts(form: Form, content: BatchContent, rng: random.Random) -> BatchContent:
    """Return the batch with one alternative drawn for all rows in each text of the form, except in
    texts where some alternatives lack the words to replace."""
    whole = {axis.key for axis in content.axes if not axis.find}
    drawn: dict[str, object] = {}
    for field in form.fields:
        text = _text_of(field, content.base)
        if field.group == "hidden" or field.key in whole or not is_drawn(form, field):
            continue
        finds = [axis.find for axis in content.axes if axis.key == field.key]
        several = [*every_text(text, _LOOKED_AT)]
        if len(several) > 1 and all(find in said for find in finds for said in several):
            drawn[field.key] = literal_text(resolve_wildcards(text, rng))
    return replace(content, base={**content.base, **drawn})


def _column(
    form: Form,
    axis: AxisSpec,
    base: Mapping[str, object],
    given: set[str],
    lines_of: LinesOf | None,
) -> Column:
    """Return the values of an axis. Raises BadValue without any. `given` has the keys that already
    have values."""
    field = next((one for one in form.fields if one.key == axis.field), None)
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


def _values_of_all(content: BatchContent) -> Iterator[object]:
    yield from content.base.values()
    for row in content.table:
        yield from row.values.values()
    for axis in content.axes:
        yield from axis.values


def with_distinct_names(content: BatchContent) -> BatchContent:
    """Give each file of a field a distinct name, so that rows of files with equal names differ."""
    several: list[Iterable[object]] = [axis.values for axis in content.axes]
    several += [[row.values.get(axis.key) for row in content.table] for axis in content.columns]
    named: dict[int, Upload] = {}
    for values in several:
        files = {id(value): value for value in values if isinstance(value, Upload)}
        named |= zip(files, distinctly_named([*files.values()]), strict=True)
    return _with_other_values(content, lambda value: named.get(id(value), value))


def _with_other_values(content: BatchContent, change: Callable[[object], object]) -> BatchContent:
    """Return the content with each value of the base, the table and the axes replaced by
    `change(value)`."""

    def changed(values: Mapping[str, object]) -> dict[str, object]:
        return {key: change(value) for key, value in values.items()}

    table = (replace(row, values=changed(row.values)) for row in content.table)
    axes = (replace(axis, values=tuple(map(change, axis.values))) for axis in content.axes)
    return replace(content, base=changed(content.base), table=tuple(table), axes=tuple(axes))


def save_new_batch(
    history: RunStore, blobs: BlobStore, group: Group, content: BatchContent, within: Within
) -> BatchContent:
    """Store a new batch with copies of the files among its values, and return it with the copies.

    Raises ComfyError if the batch or its files are too large.
    """
    uploads = {str(id(one)): one for one in _values_of_all(content) if isinstance(one, Upload)}
    with kept_uploads(blobs, history, uploads) as files:
        kept = _with_other_values(content, lambda value: files.get(str(id(value)), value))
        digests = {file.digest for file in files.values()}
        try:
            history.groups.put(group, _content_to_json(kept), digests, within)
        except GroupTooLarge as error:
            raise ComfyError(
                message("This is too large to save."), message("Split it into smaller ones.")
            ) from error
    return kept


def load_batch(history: RunStore, batch_id: str, owner: str) -> BatchContent:
    """Return the content of an owner's batch. Raises BatchNotFound if it can't be read."""
    document = history.groups.content(batch_id, owner)
    try:
        return _content_from_json(document or {})
    except (KeyError, TypeError, ValueError) as error:
        raise BatchNotFound(message("This batch no longer exists.")) from error


def _content_to_json(content: BatchContent) -> dict[str, Any]:
    """Convert content to JSON values. Raises TypeError for a file that isn't in the blob store."""
    return {
        "base": values_to_json(content.base),
        "columns": [[one.key, message_to_json(one.label)] for one in content.columns],
        "table": [[row.number, values_to_json(row.values)] for row in content.table],
        "axes": [
            [one.key, message_to_json(one.label), [*map(value_to_json, one.values)], one.find]
            for one in content.axes
        ],
        "paired": content.paired,
        "redraws": content.redraws,
    }


def _content_from_json(document: Mapping[str, Any]) -> BatchContent:
    """Invert `_content_to_json`. Raises KeyError, TypeError or ValueError for other values."""
    return BatchContent(
        values_from_json(document["base"]),
        tuple(Column(key, _label(label)) for key, label in document["columns"]),
        tuple(Row(number, values_from_json(values)) for number, values in document["table"]),
        tuple(
            Column(key, _label(label), tuple(map(value_from_json, values)), find)
            for key, label, values, find in document["axes"]
        ),
        bool(document["paired"]),
        bool(document["redraws"]),
    )


def _label(label: object) -> str:
    return str(message_from_json(label))
