"""Chooser of workflows: a button with the title of the open workflow, and a panel with all
workflows that the user can search; and the workflow that the page opens with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from comfy.library.folder import FolderEntry
from comfy.workflow.model import Workflow
from ui.library import WorkflowLibrary
from ui.page.script_files import mounts

_MOST_WITHOUT_START = 12  # workflows; with more, the page starts with an overview of them


@dataclass(frozen=True, slots=True)
class WorkflowChoice:
    """Workflow to choose. `group`: its heading; `own`: only this user has it."""

    name: str
    title: str
    description: str
    group: str
    own: bool = False


def draw_chooser() -> gr.HTML:
    """Draw the chooser. Its value is set to `choices` and the `name` of the open one or None; at
    the event `select`, it is the chosen name."""
    return gr.HTML(
        html_template='<div class="chooser"></div>',
        js_on_load=mounts("form/live_chooser.js", ("select",)),
        apply_default_css=False,
        elem_id="picker",
    )


@dataclass(frozen=True, slots=True)
class Opening:
    """The workflows that a user can open: the shared ones, and those that only this user has."""

    entries: Sequence[FolderEntry]
    opened: Sequence[Workflow]

    @classmethod
    def of(cls, library: WorkflowLibrary, person: str) -> Opening:
        return cls(library.entries(person), library.forms.opened_by(person))

    def starts(self, *, maybe_gone: bool) -> bool:
        """Return whether the page begins with the overview of all workflows."""
        return maybe_gone and len(self.entries) > _MOST_WITHOUT_START

    def name(self, wanted: str, *, maybe_gone: bool) -> str:
        """Return the wanted workflow, or the first one without it; "" without workflows.
        `maybe_gone`: the wanted one isn't from the URL but was used last, and may be missing or
        broken now."""
        names = [one.name for one in self.entries] + [one.name for one in self.opened]
        broken = {one.name for one in self.entries if one.problem}
        if wanted and not (maybe_gone and wanted not in {*names} - broken):
            return wanted
        return names[0] if names else ""
