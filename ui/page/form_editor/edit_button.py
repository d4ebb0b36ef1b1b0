"""The button that opens the form editor."""

from __future__ import annotations

import gradio as gr

from comfy.base.messages import message
from comfy.library.private import MARK as OPENED_MARK
from ui.library import WorkflowLibrary
from ui.page.script_files import calls
from ui.web.responses import json_text


def may_edit(library: WorkflowLibrary, name: str, person: str) -> bool:
    """Return whether this user may edit a form: always of their own workflows, and of shared ones
    if the settings allow it."""
    return name.startswith(OPENED_MARK) or library.forms.permissions.may_shape(person)


def draw_edit_button(name: str) -> None:
    """Draw the button that opens the editor of this workflow's form."""
    gr.HTML(
        {"label": message("Edit form"), "draft": message("Unsaved changes")},
        html_template='<button type="button" class="bare" data-icon="edit">${value.label}</button>'
        '<span class="draft">${value.draft}</span>',
        elem_id="edit-form",
        js_on_load=calls("editor/open.js", f"mountEdit(element, {json_text(name)})"),
    )
