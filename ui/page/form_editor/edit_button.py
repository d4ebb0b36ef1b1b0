"""The button that opens the form editor."""

from __future__ import annotations

import gradio as gr

from comfy.base.messages import message
from comfy.library.private import MARK as OPENED_MARK
from ui.library import WorkflowLibrary
from ui.page.script_files import calls
from ui.web.responses import json_text

_PENCIL = (
    '<svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path fill="none"'
    ' stroke="currentColor" stroke-width="1.5" stroke-linejoin="round"'
    ' d="M2.5 13.5l.8-3.2 7.6-7.6a1.2 1.2 0 0 1 1.7 0l.7.7a1.2 1.2 0 0 1 0 1.7l-7.6 7.6z"/></svg>'
)


def may_edit(library: WorkflowLibrary, name: str, person: str) -> bool:
    """Return whether this user may edit a form: always of their own workflows, and of shared ones
    if they may add workflows."""
    return name.startswith(OPENED_MARK) or library.forms.permissions.keep(person)


def draw_edit_button(name: str) -> None:
    """Draw the button that opens the editor of this workflow's form."""
    gr.HTML(
        {"label": message("Edit form"), "draft": message("Unsaved changes")},
        html_template=f'<button type="button" class="quiet">{_PENCIL} ${{value.label}}</button>'
        '<span class="draft">${value.draft}</span>',
        elem_id="edit-form",
        js_on_load=calls("editor/open.js", f"mountEdit(element, {json_text(name)})"),
    )
