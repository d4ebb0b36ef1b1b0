"""What is to be run as a batch, as JSON values for a database, and its files. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from comfy.base.messages import message_from_json, message_to_json
from comfy.batches.content import BatchContent, Column
from comfy.batches.table import Row
from comfy.launch.kept_uploads import (
    value_from_json,
    value_to_json,
    values_from_json,
    values_to_json,
)
from comfy.launch.uploads import Upload, distinctly_named


def content_to_json(content: BatchContent) -> dict[str, Any]:
    """It as JSON values; TypeError for a value that is none, as a file which is not kept."""
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


def content_from_json(told: Mapping[str, Any]) -> BatchContent:
    """What `content_to_json` has written. KeyError, TypeError or ValueError if it is none."""
    return BatchContent(
        values_from_json(told["base"]),
        tuple(Column(key, _label(label)) for key, label in told["columns"]),
        tuple(Row(number, values_from_json(values)) for number, values in told["table"]),
        tuple(
            Column(key, _label(label), tuple(map(value_from_json, values)), find)
            for key, label, values, find in told["axes"]
        ),
        bool(told["paired"]),
        bool(told.get("redraws")),
    )


def _label(told: object) -> str:
    return str(message_from_json(told))


def values_of_all(content: BatchContent) -> Iterator[object]:
    """Every value that any row has."""
    yield from content.base.values()
    for row in content.table:
        yield from row.values.values()
    for axis in content.axes:
        yield from axis.values


def with_distinct_names(content: BatchContent) -> BatchContent:
    """The same with a name of its own for each file of a field, as of folders that have files of
    the same names: else nobody could tell their rows apart."""
    columns: list[Iterable[object]] = [axis.values for axis in content.axes]
    columns += [[row.values.get(one.key) for row in content.table] for one in content.columns]
    named: dict[int, Upload] = {}
    for column in columns:
        files = {id(one): one for one in column if isinstance(one, Upload)}
        named |= zip(files, distinctly_named([*files.values()]), strict=True)
    return with_other_values(content, lambda value: named.get(id(value), value))


def with_other_values(content: BatchContent, change: Callable[[object], object]) -> BatchContent:
    """The same with other values in the form, in the table and on the axes."""

    def changed(values: Mapping[str, object]) -> dict[str, object]:
        return {key: change(value) for key, value in values.items()}

    table = (replace(row, values=changed(row.values)) for row in content.table)
    axes = (replace(axis, values=tuple(map(change, axis.values))) for axis in content.axes)
    return replace(content, base=changed(content.base), table=tuple(table), axes=tuple(axes))
