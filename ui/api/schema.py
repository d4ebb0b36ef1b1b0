"""A form as programs read it: its fields, and the JSON Schema of its values. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from comfy.form.model import Field, Form
from comfy.workflow.config import Widget

_FILE: Mapping[str, Any] = MappingProxyType(
    {
        "anyOf": [
            {"type": "string", "description": "The id of an upload, or a data: address."},
            {
                "type": "object",
                "required": ["base64"],
                "properties": {"base64": {"type": "string"}, "name": {"type": "string"}},
            },
            {
                "type": "object",
                "required": ["run"],
                "properties": {"run": {"type": "string"}, "file": {"type": "integer"}},
            },
        ]
    }
)
_BOX = {
    "type": "object",
    "properties": {name: {"type": "integer"} for name in ("x", "y", "width", "height")},
}


@dataclass(frozen=True, slots=True)
class ToldField:
    """A field: what people call it, its help, and the schema of its value. `advanced`: it is folded
    away on the page; `random`: left out, it is drawn anew for each run."""

    key: str
    label: str
    widget: Widget
    help: str
    required: bool
    advanced: bool
    section: str
    random: bool
    schema: dict[str, Any]


def told_fields(form: Form) -> list[ToldField]:
    """The fields that people can set, in their order."""
    return [
        ToldField(
            key=field.key,
            label=field.label,
            widget=field.widget,
            help=field.tooltip,
            required=is_required(field),
            advanced=field.group == "advanced",
            section=field.section or "",
            random=field.widget == "seed",
            schema=schema_of(field),
        )
        for field in form.fields
        if field.group != "hidden"
    ]


def values_schema(form: Form) -> dict[str, Any]:
    """The JSON Schema of a form's values: what may be left out keeps the author's value."""
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
    """Whether a run cannot do without a value of whoever starts it."""
    if field.is_media:
        return not field.default_offered and not field.optional
    return field.required and field.default in (None, "")


def schema_of(field: Field) -> dict[str, Any]:
    """The JSON Schema of a field's value."""
    schema = _SCHEMAS[field.widget](field)
    about = {"title": field.label, "description": field.tooltip}
    return schema | {name: said for name, said in about.items() if said}


def _number(field: Field) -> dict[str, Any]:
    whole = field.type == "INT"
    limits = {"minimum": field.min, "maximum": field.max, "default": field.default}
    told = {name: value for name, value in limits.items() if value is not None}
    steps = {"multipleOf": field.step} if whole and field.step and not (field.min or 0) else {}
    return {"type": "integer" if whole else "number"} | told | steps


def _seed(field: Field) -> dict[str, Any]:
    """Digits as text are for programs whose numbers are not long enough."""
    limits = {"minimum": field.min, "maximum": field.max}
    told = {name: value for name, value in limits.items() if value is not None}
    return {"anyOf": [{"type": "integer"} | told, {"type": "string"}, {"type": "null"}]}


def _choice(field: Field) -> dict[str, Any]:
    choices = [{"const": value, "title": label} for label, value in field.choices or ()]
    return {"oneOf": choices, "default": field.default} if choices else {"default": field.default}


def _text(field: Field) -> dict[str, Any]:
    return {"type": "string", "default": field.default}


def _media(field: Field) -> dict[str, Any]:
    empty = [{"type": "null"}] if field.optional else []
    return {"anyOf": [*_FILE["anyOf"], *empty]}


_SCHEMAS: Mapping[Widget, Callable[[Field], dict[str, Any]]] = MappingProxyType(
    {
        "text": _text,
        "textarea": _text,
        "color": _text,
        "number": _number,
        "slider": _number,
        "seed": _seed,
        "checkbox": lambda field: {"type": "boolean", "default": field.default},
        "dropdown": _choice,
        "box": lambda _: _BOX,
        "curve": lambda _: {},
        **dict.fromkeys(("image", "mask", "audio", "video", "file"), _media),
    }
)
