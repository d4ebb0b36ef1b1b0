"""Read a batch's spec from a request, and check it without starting anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException

from comfy.batches.check import estimate, problems_of_batch
from comfy.batches.content import BatchRows
from comfy.batches.spec import BadSpec, BatchSpec, parse_spec
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field, Form
from comfy.launch.start import Starter
from ui.api.requests import CALLBACK
from ui.api.start import CONFIRM_PAID, TEXT_SOURCES, WATCHED
from ui.api.values import Sent, SentValues, either_way, form_for
from ui.documents.group_docs import BatchCheckDoc, ColumnDoc

_SPEC_PARTS = ("axes", "table", "paired", "seeds")
# A table's rows determine the field of each file. The file is checked again for that field.
_TABLE_FILE = Field("", "", "", "", "", KINDS["file"], "main", "")
BODY: dict[str, Any] = {
    "required": True,
    "content": either_way(
        {
            "schema": {
                "type": "object",
                "properties": {
                    "values": {
                        "type": "object",
                        "description": "Values that all rows share, by field key.",
                    },
                    "axes": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["field"],
                            "properties": {
                                "field": {"type": "string", "description": "The field's key."},
                                "text": {
                                    "type": "string",
                                    "description": "Values as in the dialog, like 10..30:10.",
                                },
                                "values": {"type": "array", "description": "The values, as JSON."},
                                "files": {"type": "array", "description": "Files, as in `values`."},
                                "replace": {
                                    "type": "string",
                                    "description": (
                                        "Texts, one per line. In the field's text, the first one is"
                                        " replaced by each."
                                    ),
                                },
                            },
                            "additionalProperties": False,
                        },
                        "description": "Fields that vary, each with its values.",
                    },
                    "table": {
                        "type": "object",
                        "required": ["name", "text"],
                        "properties": {
                            "name": {"type": "string"},
                            "text": {"type": "string"},
                            "files": {
                                "type": "object",
                                "description": "Files by the names used in cells.",
                            },
                        },
                        "additionalProperties": False,
                        "description": "A table with one column per field and one row per run.",
                    },
                    "paired": {"type": "boolean"},
                    "seeds": {"enum": ["form", "one", "each"]},
                    "watched": WATCHED,
                    "text_sources": TEXT_SOURCES,
                    "confirm_paid": CONFIRM_PAID,
                    "callback": CALLBACK,
                },
                "additionalProperties": False,
            },
            "example": {
                "values": {"2.text": "a lighthouse"},
                "axes": [{"field": "5.steps", "text": "10..30:10"}],
            },
        }
    ),
}


def spec_of(told: Mapping[str, Any], form: Form, reader: SentValues) -> BatchSpec:
    """Read what varies from a request, with its files. Raises HTTPException."""
    fields = {field.key: field for field in form.fields}

    def read_file(key: str | None, value: object) -> object:
        return reader.value(_TABLE_FILE if key is None else fields.get(key), value)

    media = {field.key for field in form.fields if field.is_media}
    try:
        return parse_spec(
            {part: told[part] for part in _SPEC_PARTS if part in told}, read_file, media
        )
    except BadSpec as problem:
        raise HTTPException(422, str(problem)) from None


def check_of(
    starter: Starter, reader: SentValues, name: str, sent: Sent, owner: str
) -> BatchCheckDoc:
    """Check a batch without starting it. Raises like `Forms.form`, and HTTPException."""
    sent.check_parts(BODY)
    values = sent.body.get("values", {})
    form = form_for(reader, name, values)
    spec, base = spec_of(sent.body, form, reader), reader.of(form, values)
    check = problems_of_batch(starter, name, form, spec, base, owner)
    seconds: float | None = None
    size: float | None = None
    if check.rows and not check.problems:
        rows = BatchRows(check.content)
        seconds, size = estimate(starter, form, name, rows, owner)
    content = check.content
    return BatchCheckDoc(
        check.rows,
        seconds,
        size,
        tuple(ColumnDoc(one.key, one.label) for one in content.shown),
        tuple(column.key for column in content.columns),
        check.problems,
        check.more,
    )
