"""Repeatable rows of a node (docs/comfyui.md#50): read them from its inputs, and write others.

A row is a mapping from columns to values. A row that a pack writes as an object may have more keys
than the group has columns; they stay with their row. Dotted cells may be links. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from itertools import pairwise
from typing import Any

from comfy.base.files import is_model_file
from comfy.base.json_values import json_or_none
from comfy.base.messages import message
from comfy.comfyui.input_spec import FOLLOWS, InputSpec, RowGroup, RowNotation
from comfy.prompt.model import is_link
from comfy.prompt.shapes import unwrapped, wrap
from comfy.prompt.value_types import LONGEST_TEXT, BadValue, too_long

_NO_ROWS = message(
    "Enter a list of rows as JSON, such as {example}.", example='[{"strength": 0.8}]'
)


def read_rows(group: RowGroup, inputs: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Return the rows in a node's inputs, in order; None if a link or another program's notation
    makes them unreadable.

    Gaps in the numbering close up. A value that follows another one and equals it is left out.
    """
    rows = _read(group, inputs)
    if rows is None or any(is_link(value) for row in rows for value in row.values()):
        return None
    return [_without_followers(group, row) for row in rows]


def editable_rows(
    specs: Iterable[InputSpec], inputs: Mapping[str, Any], uploads: Set[object]
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each group that users can edit, by the group's name.

    Groups with links, files or texts that name files stay as they are. `uploads` are other users'
    files, which no choice may show.
    """
    groups = {one.name: one.rows for one in specs if one.rows}
    read = {name: read_rows(group, inputs) for name, group in groups.items()}
    return {
        name: rows
        for name, rows in read.items()
        if rows is not None
        and all(
            column.is_widget and not column.names_files and uploads.isdisjoint(column.choices or ())
            for column in groups[name].columns
        )
    }


def write_rows(
    group: RowGroup, inputs: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a node's inputs with other rows, in the place of the old ones. Rows that the inputs
    already have leave them as they are."""
    if read_rows(group, inputs) == [dict(row) for row in rows] and _has_place(group, inputs):
        return dict(inputs)
    written = _written(group, rows)
    names = [name for name in inputs if name == group.name or group.place(name)]
    if not names:
        return {**inputs, **written}
    result: dict[str, Any] = {}
    for name, value in inputs.items():
        if name == names[0]:
            result |= written
        elif name not in names:
            result[name] = value
    return result


def first_row(group: RowGroup) -> dict[str, Any]:
    """Return a new row, with the server's initial values. Cells that follow others are left out."""
    return {
        column.name: column.start
        for column in group.columns
        if FOLLOWS not in column.options and column.start is not None
    }


def unoffered_cells(
    group: RowGroup, rows: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[int, InputSpec, str]]:
    """Yield the choices that the server doesn't offer: row from 1, column and value. Rows that are
    switched off don't count."""
    for number, row in enumerate(rows, 1):
        if group.switch and not row.get(group.switch):
            continue
        for column in group.columns:
            value = row.get(column.name)
            if isinstance(value, str) and not _is_offered(group, column, value):
                yield number, column, value


def parse_rows(value: object) -> list[dict[str, Any]]:
    """Read a list of rows, also from JSON text. Raises BadValue."""
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise too_long()
        value = json_or_none(value) if value.strip() else []
    if not isinstance(value, list | tuple) or not all(isinstance(row, Mapping) for row in value):
        raise BadValue(_NO_ROWS)
    return [dict(row) for row in value]


def _is_offered(group: RowGroup, column: InputSpec, value: str) -> bool:
    """Return whether a column offers a choice. Packs that write rows as objects find a model by its
    file name alone, without folder or extension."""
    offered = column.choices
    if offered is None or value in offered:
        return True
    if group.notation is RowNotation.DOTTED:
        return False
    return _bare(value) in map(_bare, map(str, offered))


def _bare(name: str) -> str:
    stem = name.replace("\\", "/").rpartition("/")[2]
    return stem.rpartition(".")[0] or stem if is_model_file(stem) else stem


def _read(group: RowGroup, inputs: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    match group.notation:
        case RowNotation.DOTTED:
            return _dotted(group, inputs)
        case RowNotation.NUMBERED:
            listed: object = [value for name, value in inputs.items() if group.place(name)]
        case RowNotation.WRAPPED:
            listed = unwrapped(inputs.get(group.name, []))
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        return None
    return [dict(row) for row in listed]


def _dotted(group: RowGroup, inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    cells: dict[int, dict[str, Any]] = {}
    for name, value in inputs.items():
        if place := group.place(name):
            row, column = place
            cells.setdefault(row, {})[column] = value
    return [cells[row] for row in sorted(cells)]


def _written(group: RowGroup, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    match group.notation:
        case RowNotation.DOTTED:
            return {
                group.cell_name(number, column): value
                for number, row in enumerate(rows)
                for column, value in row.items()
            }
        case RowNotation.NUMBERED:
            return {f"{group.prefix}{number}": dict(row) for number, row in enumerate(rows, 1)}
        case RowNotation.WRAPPED:
            return {group.name: wrap([dict(row) for row in rows])}


def _has_place(group: RowGroup, inputs: Mapping[str, Any]) -> bool:
    return group.notation is not RowNotation.WRAPPED or group.name in inputs


def _without_followers(group: RowGroup, row: dict[str, Any]) -> dict[str, Any]:
    for leader, column in pairwise(group.columns):
        if FOLLOWS in column.options and column.name in row:
            value = row[column.name]
            with suppress(KeyError, TypeError, ValueError):
                if value is None or float(value) == float(row[leader.name]):
                    row = {name: one for name, one in row.items() if name != column.name}
    return row
