"""Repeatable rows: a list of objects, one value per column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from comfy.base.messages import labeled, message, plural
from comfy.base.wording import short
from comfy.form.candidates import Candidate
from comfy.form.kinds.dropdown import NOT_ON_SERVER
from comfy.form.model import Field, FieldKind, Fit, Several, cell_label
from comfy.prompt.rows import parse_rows
from comfy.prompt.value_types import BadValue


def _check(field: Field, value: object) -> list[dict[str, Any]]:
    """Return the rows to send. The workflow's own values are valid, except for choices that the
    server lacks, because nodes skip such rows silently. Raises BadValue with the row and column of
    the first problem."""
    rows = parse_rows(value)
    _check_lacks(field, rows)
    if rows == field.default:
        return rows
    if field.min is not None and len(rows) < field.min:
        raise BadValue(
            plural("Add at least {count} row.", "Add at least {count} rows.", count=int(field.min))
        )
    if field.max is not None and len(rows) > field.max:
        raise BadValue(
            plural("Maximum {count} row.", "Maximum {count} rows.", count=int(field.max))
        )
    return [_row(field, number, row) for number, row in enumerate(rows, 1)]


def _check_lacks(field: Field, rows: Sequence[Mapping[str, Any]]) -> None:
    """Raise BadValue if a row has a choice that the server lacks, unless the user switched it off
    or chose another."""
    switches = [column.key for column in field.columns if column.type == "BOOLEAN"]
    for own, key in field.row_lacks:
        keys = (key, *switches)
        lacking = [field.default[own - 1].get(one) for one in keys]
        for number, row in enumerate(rows, 1):
            if [row.get(one) for one in keys] == lacking:
                column = next(one for one in field.columns if one.key == key)
                raise BadValue(labeled(cell_label(field, number, column), NOT_ON_SERVER))


def _row(field: Field, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for column in field.columns:
        value = row.get(column.key)
        is_empty = value is None or (value == "" and not column.is_text)
        if is_empty and column.optional:
            continue
        if column.key not in row and not column.is_choice:
            cells[column.key] = column.default
            continue
        try:
            own = _is_own(field, column.key, value)
            cells[column.key] = value if own else column.kind.check(column, value)
        except BadValue as bad:
            raise BadValue(labeled(cell_label(field, number, column), str(bad))) from None
    return cells | _others(field, number, row)


def _others(field: Field, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row's values that have no column. They must come from the workflow's own rows."""
    others = {key: value for key, value in row.items() if key not in _keys(field)}
    for key, value in others.items():
        if not _is_own(field, key, value):
            title = message("{label} {number}", label=field.row_title, number=number)
            unknown = message("There is no column “{column}”.", column=short(key))
            raise BadValue(labeled(title, unknown))
    return others


def _is_own(field: Field, key: str, value: object) -> bool:
    return any(
        key in row and row[key] == value and type(row[key]) is type(value) for row in field.default
    )


def _keys(field: Field) -> set[str]:
    return {column.key for column in field.columns}


def _schema(field: Field) -> dict[str, Any]:
    cells = {
        column.key: {"title": column.label, **column.kind.schema(column)}
        for column in field.columns
    }
    needed = [column.key for column in field.columns if column.is_choice]
    row = {"type": "object", "properties": cells} | ({"required": needed} if needed else {})
    limits = {"minItems": field.min, "maxItems": field.max}
    return {"type": "array", "items": row, "default": field.default} | {
        name: limit for name, limit in limits.items() if limit is not None
    }


def _fit(candidate: Candidate) -> Fit:
    spec = candidate.spec
    is_list = isinstance(candidate.value, list)
    return Fit.DECLARED if spec and spec.rows and is_list else Fit.NO


KINDS = (
    FieldKind(
        name="rows",
        check=_check,
        schema=_schema,
        several=Several.LINES,
        several_help=message(
            "One list of rows per line, as JSON, such as {example}.",
            example='[{"lora": "ink.safetensors", "strength": 0.8}]',
        ),
        fits=_fit,
        is_main=True,
        has_rows=True,
    ),
)
