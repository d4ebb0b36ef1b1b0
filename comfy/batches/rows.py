"""Combine fields with several values each into rows: all combinations, or pairs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.batches.table import Row
from comfy.batches.values import MOST_ROWS, TooManyRows

UNPAIRED = message("To run row by row, all fields need the same number of values.")


class UnequalLengths(ComfyError):
    """Paired fields have different numbers of values."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Key of a field and its values, one row each."""

    key: str
    values: Sequence[object]


def combined(
    axes: Sequence[Axis], table: Sequence[Row] = (), *, paired: bool = False
) -> tuple[Row, ...]:
    """Return the rows of a batch: all combinations, the table changing slowest, then the first
    axis. If `paired`, the first values together, then the second values, and so on.

    A single value applies to every row. Numbers count from 1; if only the table has several rows,
    `line` is the table's line. Raises BadValue for too many rows, UnequalLengths for pairs of
    unequal lengths.
    """
    columns: list[Sequence[Mapping[str, object]]] = [[row.values for row in table]] if table else []
    columns += [[{axis.key: value} for value in axis.values] for axis in axes]
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
