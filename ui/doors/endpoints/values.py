"""An endpoint's parameters from a form's fields, and its answers. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from comfy.base.errors import ComfyError
from comfy.base.messages import sentences
from comfy.form.check import unknown_fields
from comfy.form.model import Field
from ui.api.named_workflows import NamedForm, argument_names
from ui.api.schema import is_required, schema_of
from ui.documents.chain_doc import ChainDoc, StepDoc
from ui.files.components import place_in
from ui.files.references import UploadReference
from ui.gradio.internals import FILE_SCHEMA, NamedEndpoint, json_schema_to_python_type
from ui.languages.current import translated
from ui.page.form.kinds.registry import VIEWS

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_FILES = {"type": "array", "items": FILE_SCHEMA}
_TEXTS = {"type": "array", "items": _TEXT}


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _list_of(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _object(**properties)}


def _any_of(document: type[ChainDoc | StepDoc]) -> dict[str, Mapping[str, Any]]:
    """Return the properties of a document without their types, which Gradio shows as Any."""
    return {field.name: {} for field in fields(document)}


_OF_RUN = _object(files=_FILES, texts=_TEXTS, run=_TEXT, phase=_TEXT, values={"type": "object"})
_OF_CHAIN = _object(
    **{
        "files": _FILES,
        "results": _list_of(step=_TEXT, run=_TEXT, files=_FILES, texts=_TEXTS),
        **_any_of(ChainDoc),
        **dict.fromkeys(("id", "title", "state", "why"), _TEXT),
        "steps": _list_of(
            **_any_of(StepDoc)
            | {"name": _TEXT, "title": _TEXT, "state": _TEXT, "runs": _NUMBER, "done": _NUMBER}
        ),
    }
)
_CHANGED = "The fields of this workflow have changed. Connect again, then repeat the call."


def endpoint_of(named: NamedForm) -> NamedEndpoint:
    """Return the endpoint's description for clients."""
    form = named.form
    title, about = translated(form.title), translated(form.description)
    names = argument_names(form).items()
    answer = _OF_CHAIN if named.is_chain else _OF_RUN
    info = {
        "description": f"{title}. {about}" if about else title,
        "parameters": [_parameter(name, form.field(key)) for key, name in names],
        "returns": [_told("result", answer | {"$defs": FILE_SCHEMA["$defs"]}, "", "JSON")],
    }
    return NamedEndpoint(endpoint_number(named), named.name, info)


def endpoint_number(named: NamedForm) -> int:
    """Return an endpoint's number: the workflow's, then one for its parameters. It changes with
    them, because calls by number send values in their order."""
    names = " ".join(argument_names(named.form).values())
    return _digest(named.workflow, 4) << 16 | _digest(names, 2)


def is_number_of(number: int, workflow: str) -> bool:
    """Return whether this is, or was, the number of this workflow's endpoint."""
    return number >> 16 == _digest(workflow, 4)


def _digest(text: str, size: int) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=size).digest())


def values_by_key(named: NamedForm, given: object) -> dict[str, object]:
    """Return a call's values by field key. `given` has them by name, or all of them in order. None
    and the author's values are dropped, so seeds become random. Raises ComfyError."""
    names = argument_names(named.form)
    match given:
        case list() if len(given) == len(names):
            by_name = dict(zip(names.values(), given, strict=True))
        case dict():
            by_name = given
        case _:
            raise ComfyError(_CHANGED)
    if wrong := unknown_fields(by_name, [*names.values()]):
        raise ComfyError(sentences(*wrong.values()))
    wanted = {key: by_name.get(name) for key, name in names.items()}
    return {
        key: _file(value) if named.form.field(key).is_media else value
        for key, value in wanted.items()
        if value is not None and value != _default(named.form.field(key))
    }


def _parameter(name: str, field: Field) -> dict[str, Any]:
    about = translated(field.tooltip or field.label)
    component, default = VIEWS[field.widget].component, _default(field)
    return _told(translated(field.label), _schema(field), about, component) | {
        "parameter_name": name,
        "parameter_has_default": not is_required(field),
        "parameter_default": default,
        "example_input": default,
    }


def _told(label: str, schema: Mapping[str, Any], about: str, component: str) -> dict[str, Any]:
    kind = json_schema_to_python_type(schema)
    return {
        "label": label,
        "type": dict(schema),
        "python_type": {"type": kind, "description": about},
        "component": component,
    }


def _default(field: Field) -> object:
    """Return the documented default of a parameter; None for files and for seeds,
    which are random."""
    return None if field.is_media or field.is_seed else field.default


def _schema(field: Field) -> Mapping[str, Any]:
    choices = [value for _, value in field.choices or ()]
    if field.is_media:
        return FILE_SCHEMA
    if choices and all(isinstance(one, str) for one in choices):
        return {"type": "string", "enum": choices}
    return schema_of(field)


def _file(value: object) -> object:
    """Convert Gradio's JSON of an uploaded file to a reference, with the layers of an
    `ImageEditor`. Other values stay unchanged."""
    match value:
        case {"background": background, "layers": list(layers)} if file_id := place_in(background):
            return UploadReference(file_id, tuple(filter(None, map(place_in, layers))))
    return place_in(value) or value
