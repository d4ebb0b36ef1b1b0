"""Forms for programs: the fields, and the JSON Schema of the values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from comfy.form.model import Field, Form


@dataclass(frozen=True, slots=True)
class FieldDoc:
    """A field: its label, its help, and the schema of its value. `advanced`: collapsed on the page.
    `random`: drawn for each run if left out."""

    key: str
    label: str
    widget: str
    help: str
    required: bool
    advanced: bool
    section: str
    random: bool
    schema: dict[str, Any]


def field_docs(form: Form) -> list[FieldDoc]:
    """Return the fields that users can set, in order."""
    return [
        FieldDoc(
            key=field.key,
            label=field.label,
            widget=field.widget,
            help=field.tooltip,
            required=is_required(field),
            advanced=field.group == "advanced",
            section=field.section or "",
            random=field.is_seed,
            schema=schema_of(field),
        )
        for field in form.fields
        if field.group != "hidden"
    ]


def values_schema(form: Form) -> dict[str, Any]:
    """Return the JSON Schema of a form's values. Values that are left out keep the author's
    value."""
    shown = [field for field in form.fields if field.group != "hidden"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": form.title,
        "properties": {field.key: schema_of(field) for field in shown},
        "required": [field.key for field in shown if is_required(field)],
        "additionalProperties": False,
    }


def is_required(field: Field) -> bool:
    """Return whether a run needs the caller's value."""
    if field.is_media:
        return not field.default_offered and not field.optional
    return field.required and field.default in (None, "")


def schema_of(field: Field) -> dict[str, Any]:
    """Return the JSON Schema of a field's value."""
    schema = field.kind.schema(field)
    about = {"title": field.label, "description": field.tooltip}
    return schema | {name: said for name, said in about.items() if said}
