"""Bodies of requests that start or continue something. Their classes are the only declaration:
checks, the OpenAPI document, and the parts of multipart requests derive from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError
from pydantic.json_schema import WithJsonSchema
from starlette.exceptions import HTTPException

from comfy.base.messages import listed
from comfy.base.wording import quoted, short
from comfy.batches.spec import MOST_AXES, AxisSpec, BatchSpec, Seeds, TableSpec, refusal_of_spec

_MOST_AT_ONCE = 16  # runs per request, as on the page
_MOST_SOURCES = 16
_CHOICE = re.compile("'([^']+)'")  # in Pydantic's message about a choice
_REFUSALS = {
    "values": "“values” must be an object with field keys and values.",
    "count": f"“count” must be a whole number from 1 to {_MOST_AT_ONCE}.",
    "text_sources": f"“text_sources” must be a list of up to {_MOST_SOURCES} run ids.",
    "again": "“again” must be a list of step names.",
}
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")  # of models, and of dataclasses
_COMPONENT = "#/components/schemas/{model}"
_JSON_PART = {"type": "string", "description": "As JSON."}
_FILE_PART = {"type": "string", "format": "binary"}
_FIELD_PART = _FILE_PART | {"description": "A field's value or file, by field key."}
_FILES = {"type": "object", "properties": {"file": _FILE_PART}}
# A body for `openapi_extra` that has only files.
FILES_BODY: Mapping[str, Any] = {
    "requestBody": {"content": {"multipart/form-data": {"schema": _FILES}}, "required": True}
}


class Body(BaseModel):
    """Parts that all bodies have. `callback` is checked by `Webhooks.check`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    values: dict[str, Any] = Field({}, description="Values by field key.")
    text_sources: list[str] = Field(
        [],
        max_length=_MOST_SOURCES,
        description="Runs whose text results the values use. They become the new run's parents.",
    )
    callback: Annotated[
        Any,
        WithJsonSchema(
            {
                "type": ["string", "null"],
                "format": "uri",
                "description": (
                    "The URL that gets a webhook at the end. The administrator must have allowed"
                    " its host."
                ),
            }
        ),
    ] = None


class StartBody(Body):
    """Parts of a start."""

    watched: StrictBool = Field(
        default=False,
        description=(
            "With `--keep-running no`, stop the run when its user has closed all pages. Only pages"
            " send this."
        ),
    )
    confirm_paid: StrictBool = Field(
        default=False,
        description=(
            "The caller knows that runs of this workflow use paid credits. Needed once per user and"
            " workflow; ignored for free workflows."
        ),
    )


class RunBody(StartBody):
    """Start of runs."""

    count: StrictInt = Field(1, ge=1, le=_MOST_AT_ONCE)
    keeps_going: StrictBool = Field(
        default=False, description="With `watched`: continue even if all pages are closed."
    )


class BatchBody(StartBody):
    """Start or check of a batch."""

    axes: tuple[AxisSpec, ...] = Field(
        (), max_length=MOST_AXES, description="Fields that vary, each with its values."
    )
    table: TableSpec | None = Field(
        None, description="A table with one column per field and one row per run."
    )
    paired: StrictBool = False
    seeds: Seeds = "form"

    @property
    def spec(self) -> BatchSpec:
        """Return what varies, with its files as sent."""
        return BatchSpec(self.axes, self.table, self.paired, self.seeds)


class ContinueBody(Body):
    """Continuation of a chain. Without `values`, all steps keep theirs."""

    again: list[str] = []


BODIES = (RunBody, BatchBody, StartBody, ContinueBody)
# Parts of a multipart request that are JSON, not a field's value.
JSON_PARTS = {name for kind in BODIES for name in kind.model_fields} - {"values", "callback"}
# Schemas that the bodies contain, for the components of the document.
PARTS: Mapping[str, Any] = BatchBody.model_json_schema(ref_template=_COMPONENT)["$defs"]
_Kind = TypeVar("_Kind", bound=Body)


def body_of(kind: type[_Kind], sent: Mapping[str, Any]) -> _Kind:
    """Return a request's body. Raises HTTPException for a misspelled name, a value outside
    `values`, or an invalid choice, at any depth."""
    try:
        return kind.model_validate(sent)
    except ValidationError as problem:
        errors = problem.errors(include_url=False, include_input=False)
        first = min(errors, key=lambda error: error["type"] not in _UNKNOWN)
        raise HTTPException(422, _refusal(kind, first)) from None


def request_body(
    kind: type[Body], example: Mapping[str, Any], *, required: bool = False
) -> dict[str, Any]:
    """Return a body for `openapi_extra`: JSON, or the same in parts, as `Bodies.read` accepts
    it."""
    schema = kind.model_json_schema(ref_template=_COMPONENT)
    schema.pop("$defs", None)
    parts = {
        name: part if name == "callback" else _JSON_PART
        for name, part in schema["properties"].items()
    }
    in_parts = {"type": "object", "properties": parts, "additionalProperties": _FIELD_PART}
    as_json = {"schema": schema, "example": example}
    content = {"application/json": as_json, "multipart/form-data": {"schema": in_parts}}
    return {"requestBody": {"content": content, "required": required}}


def _refusal(kind: type[Body], error: Mapping[str, Any]) -> str:
    """Return a sentence about pydantic's first error."""
    *place, last = error["loc"]
    match error["type"]:
        case unknown if unknown in _UNKNOWN:
            accepted = listed(map(quoted, _names_at(kind.model_json_schema(), place)))
            return f"Unknown part “{short(last)}”. This request accepts {accepted}."
        case "literal_error":
            choices = _CHOICE.findall(error["ctx"]["expected"])
            return f"“{last}” must be one of {listed(map(quoted, choices))}."
        case "bool_type":
            return f"“{last}” must be true or false."
    return _REFUSALS.get(str(error["loc"][0])) or refusal_of_spec(error)


def _names_at(schema: Mapping[str, Any], place: Iterable[str | int]) -> Iterable[str]:
    """Return the names of the parts at a place in a schema."""
    inside: Mapping[str, Any] = schema
    for step in place:
        inside = inside["items"] if isinstance(step, int) else inside["properties"][step]
        if ref := next((one["$ref"] for one in inside.get("anyOf", [inside]) if "$ref" in one), ""):
            inside = schema["$defs"][ref.rpartition("/")[2]]
    return list(inside["properties"])
