"""The main fields of a workflow in each place that shows its form."""

from __future__ import annotations

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.library.editing.inputs import EditableCache
from comfy.workflow.model import Workflow
from comfyforms.plugins.mcp.tools import argument_names, input_schema
from ui.api.workflows import field_docs, is_required
from ui.page.form.arrangement import arrangement_of


def main_fields(workflow: Workflow, catalog: Catalog) -> dict[str, set[str]]:
    """Return the keys of the main fields by place. A program's tool also needs the required fields,
    and the editor knows only the fields of nodes that the server has."""
    form = build_form(workflow, catalog)
    needed = {one.key for one in form.fields if is_required(one)}
    names = argument_names(form)
    tool = input_schema(form, main_only=True)["properties"]
    order = arrangement_of([one for one in form.fields if one.group != "hidden"])
    locked = order.seeds if order.has_lock_in_front else ()
    listed = EditableCache().get(workflow, catalog, is_free=True).automatic.fields
    command = {one["key"] for one in form.to_json()["fields"] if one["group"] == "main"}
    known = {one.name for one in listed}
    return {
        "command": command,
        "REST": {one.key for one in field_docs(form) if not one.advanced},
        "page": {one.key for one in (*order.main, *locked) if one.group == "main"},
        "editor": {one.name for one in listed if one.group is None and not one.section}
        | (command - known),
        "MCP": {key for key, name in names.items() if name in tool} - (needed - command),
    }
