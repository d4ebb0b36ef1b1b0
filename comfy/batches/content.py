"""Content of a batch, which stores each value once, and its rows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import overload

from comfy.batches.grids.grid import fits_grid
from comfy.batches.replaced import replaced
from comfy.batches.rows import Axis, combined
from comfy.batches.table import Row
from comfy.form.seeds import CountUp
from comfy.launch.uploads import Upload, distinctly_named

_TABLE = "table"


@dataclass(frozen=True, slots=True)
class Column:
    """Varied field: key, label and values, one row each; a table column has no values here. `find`:
    the text in the field that the values replace."""

    key: str
    label: str
    values: tuple[object, ...] = ()
    find: str = ""


@dataclass(frozen=True, slots=True)
class BatchContent:
    """Content of a batch: `base` has the values that all rows share, `columns` and `table` the
    table, `axes` the other varied fields. `paired`: see `combined`. `redraws`: rows choose options
    that have other fields."""

    base: Mapping[str, object]
    columns: tuple[Column, ...] = ()
    table: tuple[Row, ...] = ()
    axes: tuple[Column, ...] = ()
    paired: bool = False
    redraws: bool = False

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


class BatchRows(Sequence[Row]):
    """Rows of a batch, created on access. Raises BadValue for too many rows, or for a row whose
    text would grow too long, and UnequalLengths for pairs of unequal lengths."""

    def __init__(self, content: BatchContent) -> None:
        self._content = content
        axes = [Axis(str(at), range(len(axis.values))) for at, axis in enumerate(content.axes)]
        lines = [Row(row.number, {_TABLE: at}) for at, row in enumerate(content.table)]
        self._chosen = combined(axes, lines, paired=content.paired)

    @property
    def base(self) -> Mapping[str, object]:
        """Return the values of all rows that don't set their own."""
        return self._content.base

    def __len__(self) -> int:
        return len(self._chosen)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        row, content = self._chosen[index], self._content
        values = {
            key: value.ahead(index) if isinstance(value, CountUp) else value
            for key, value in content.base.items()
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
        """Return a row's values in the columns of `BatchContent.shown`. An empty table cell has the
        form's value; None stands for no value, or for a value that is drawn for the row."""
        row = self._chosen[index]
        given = {**self.base, **self._line(row)}
        own = (given.get(column.key) for column in self._content.columns)
        known = (None if isinstance(value, CountUp) else value for value in own)
        return (*known, *(value for _, value in self._values(row)))

    def varied(self, index: int) -> dict[str, object]:
        """Return a row's known values by the keys of the varied fields: the whole text of a field
        that several columns change, otherwise the cell."""
        keys = [column.key for column in self._content.shown]
        known_values = dict(zip(keys, self.cells(index), strict=True))
        if len(known_values) < len(keys):
            whole = self[index].values
            known_values |= {key: whole[key] for key, count in Counter(keys).items() if count > 1}
        return {key: value for key, value in known_values.items() if value is not None}

    def unset(self, index: int) -> list[int]:
        """Return the indexes of a row's columns without a cell, which use the form's value."""
        line = self._line(self._chosen[index])
        return [at for at, one in enumerate(self._content.columns) if one.key not in line]

    def _line(self, row: Row) -> Mapping[str, object]:
        match row.values.get(_TABLE):
            case int(index):
                return self._content.table[index].values
        return {}

    def _values(self, row: Row) -> Iterator[tuple[Column, object]]:
        for index, axis in enumerate(self._content.axes):
            match row.values[str(index)]:
                case int(chosen):
                    yield axis, axis.values[chosen]


def values_of_all(content: BatchContent) -> Iterator[object]:
    """Yield every value of the base, the table and the axes."""
    yield from content.base.values()
    for row in content.table:
        yield from row.values.values()
    for axis in content.axes:
        yield from axis.values


def with_distinct_names(content: BatchContent) -> BatchContent:
    """Give each file of a field a distinct name, so that rows of files with equal names differ."""
    columns: list[Iterable[object]] = [axis.values for axis in content.axes]
    columns += [[row.values.get(one.key) for row in content.table] for one in content.columns]
    named: dict[int, Upload] = {}
    for column in columns:
        files = {id(one): one for one in column if isinstance(one, Upload)}
        named |= zip(files, distinctly_named([*files.values()]), strict=True)
    return with_other_values(content, lambda value: named.get(id(value), value))


def with_other_values(content: BatchContent, change: Callable[[object], object]) -> BatchContent:
    """Return the content with each value of the base, the table and the axes replaced by
    `change(value)`."""

    def changed(values: Mapping[str, object]) -> dict[str, object]:
        return {key: change(value) for key, value in values.items()}

    table = (replace(row, values=changed(row.values)) for row in content.table)
    axes = (replace(axis, values=tuple(map(change, axis.values))) for axis in content.axes)
    return replace(content, base=changed(content.base), table=tuple(table), axes=tuple(axes))
