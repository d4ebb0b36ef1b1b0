"""What assistants are told of the workflows that they can use. Pure but for `tools_of`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mcp.types import Tool, ToolAnnotations

from comfy.errors import WorkflowError
from comfy.form.model import Form
from ui.api.schema import values_schema
from ui.languages.current import all_translated, translated
from ui.services import Services
from ui.view.argument_names import argument_names, plain_word, unique_name


def tool_names(workflows: Iterable[str]) -> dict[str, str]:
    """The name of a workflow by that of its tool, which has no letters but a-z."""
    tools: dict[str, str] = {}
    for name in sorted(workflows):
        tools[unique_name(plain_word(name) or "workflow", set(tools))] = name
    return tools


def names_in_folder(services: Services) -> dict[str, str]:
    """The same for all workflows of the folder that can be read."""
    return tool_names(one.name for one in services.folder.entries() if not one.problem)


def tools_of(services: Services, owner: str) -> list[Tool]:
    """The tools for this person: workflows of the folder that this ComfyUI can run. Waits for it
    where it has not been asked yet; ComfyError where it does not answer."""
    tools = []
    for tool, name in names_in_folder(services).items():
        try:
            form = services.forms.form(name, owner)[1]
        except WorkflowError:  # taken away or broken since
            continue
        if form.can_run:
            tools.append(tool_of(tool, form))
    return tools


def tool_of(name: str, form: Form) -> Tool:
    """A form as a tool of this name."""
    title = translated(form.title)
    about = translated(form.description)
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
    """The JSON Schema of a tool's arguments: that of the form's values, by names for people."""
    schema, names = values_schema(form), argument_names(form)
    told = all_translated(
        schema
        | {
            "properties": {names[key]: one for key, one in schema["properties"].items()},
            "required": [names[key] for key in schema["required"]],
        }
    )
    assert isinstance(told, dict)
    return told
