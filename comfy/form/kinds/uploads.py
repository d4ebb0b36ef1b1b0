"""Common parts of the file widgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from comfy.base.messages import message
from comfy.form.kinds.literal_input import Fit, LiteralInput
from comfy.form.model import Field, FieldKind, FileInput, Several
from comfy.prompt.value_types import BadValue

_MAX_FILE_NAME = 1_000


def file_kind(
    name: str,
    file: FileInput,
    fits: Callable[[LiteralInput], Fit],
) -> FieldKind:
    """Return the kind of a widget that takes one uploaded file."""
    return FieldKind(
        name=name,
        check=_check,
        schema=_schema,
        several=Several.FILES,
        fits=fits,
        input_types=frozenset({"STRING", "COMBO"}),
        file=file,
    )


def _check(field: Field, value: object) -> object:
    if value is None or (isinstance(value, str) and not value.strip()):
        if field.required:
            raise BadValue(field.add_file)
        return None if field.optional else field.default
    if not isinstance(value, str) or len(value) > _MAX_FILE_NAME or not value.isprintable():
        raise BadValue(message("This isn't an uploaded file. Add the file again."))
    return value


def _schema(field: Field) -> dict[str, Any]:
    """Return the schema of the values that `ui/api/values.py` reads."""
    base64 = {"base64": {"type": "string"}, "name": {"type": "string"}}
    result = {"run": {"type": "string"}, "file": {"type": "integer"}}
    empty = [{"type": "null"}] if field.optional else []
    return {
        "anyOf": [
            {"type": "string", "description": "The id of an upload, or a data: URL."},
            {"type": "object", "required": ["base64"], "properties": base64},
            {"type": "object", "required": ["run"], "properties": result},
            *empty,
        ]
    }
