"""Descriptions of workflows as tools for assistants. Pure except `tools_of`."""

from __future__ import annotations

from typing import Any

from mcp.types import Tool, ToolAnnotations

from comfy.form.model import Form
from ui.api.schema import values_schema
from ui.doors.argument_names import argument_names
from ui.doors.named_workflows import named_forms
from ui.languages.current import all_translated, translated
from ui.library import WorkflowLibrary


def tools_of(library: WorkflowLibrary, owner: str) -> list[Tool]:
    """Return the tools that this user can run here. Blocks until ComfyUI's first answer. Raises
    ComfyError if it doesn't answer."""
    return [_tool_of(one.name, one.form) for one in named_forms(library, owner)]


def _tool_of(name: str, form: Form) -> Tool:
    """Return a form as a tool with this name."""
    title = translated(form.title)
    said = (form.description, *(note.said for note in form.notes))
    about = " ".join(filter(None, map(translated, said)))
    return Tool(
        name=name,
        title=title,
        description=f"{title}. {about}" if about else title,
        input_schema=input_schema(form),
        annotations=ToolAnnotations(
            title=title, read_only_hint=False, destructive_hint=False, idempotent_hint=False
        ),
    )


def input_schema(form: Form) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments: the schema of the form's values, with readable
    names."""
    schema, names = values_schema(form), argument_names(form)
    translated_schema = all_translated(
        schema
        | {
            "properties": {names[key]: one for key, one in schema["properties"].items()},
            "required": [names[key] for key in schema["required"]],
        }
    )
    assert isinstance(translated_schema, dict)
    return translated_schema
