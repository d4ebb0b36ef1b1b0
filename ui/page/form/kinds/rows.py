"""Repeatable rows: one line of cells each, which users add and remove.

The script (`ui/page/script/fields/row_editor.js`) draws the cells.
"""

from __future__ import annotations

from typing import Any

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from comfy.model_files.server import lists_files
from comfy.prompt.rows import parse_rows
from comfy.prompt.value_types import BadValue
from ui.documents.browser_values import has_long_numbers, kept
from ui.page.form.kinds.view import Control, FieldView, help_text, options_of
from ui.page.form.list_editor import ListEditor


def _column(column: Field) -> dict[str, Any]:
    """Return a column in the format of the script."""
    is_text = has_long_numbers(column)
    return {
        "key": column.key,
        "label": column.label,
        "help": column.tooltip,
        "widget": "text" if is_text else column.widget,
        "choices": [[label, kept(value)] for label, value in column.choices or ()],
        "min": column.min,
        "max": column.max,
        "step": column.step,
        "start": None if column.optional else kept(column.default),
        "isOptional": column.optional,
        "hasModels": column.is_choice and lists_files([value for _, value in column.choices or ()]),
    }


def _rows(field: Field, value: object, scope: str) -> Control:
    options = options_of(field, scope)
    given = {
        "key": field.key,
        "label": options["label"],
        "help": help_text(field) or "",
        "title": field.row_title,
        "least": field.min or 0,
        "most": field.max,
        "columns": [_column(one) for one in field.columns],
    }
    editor = ListEditor(_shown(field, value), name="row_editor", given=given, **options)
    return Control(field, (editor,), show=lambda shown: (_shown(field, shown),))


def _shown(field: Field, value: object) -> list[dict[str, Any]]:
    """Return the rows with numbers that a browser can hold. Another value shows the author's."""
    try:
        rows = parse_rows(value)
    except BadValue:
        rows = field.default
    return [{key: kept(cell) for key, cell in row.items()} for row in rows]


VIEWS = (FieldView(KINDS["rows"], _rows, browser="rows"),)
