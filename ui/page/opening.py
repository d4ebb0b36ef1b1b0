"""Workflow that the page opens with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from comfy.library.folder import FolderEntry
from comfy.workflow.model import Workflow
from ui.library import WorkflowLibrary

_MOST_WITHOUT_START = 12  # workflows; with more, the page starts with an overview of them


@dataclass(frozen=True, slots=True)
class Opening:
    """The workflows that a user can open: the shared ones, and those that only this user has."""

    entries: Sequence[FolderEntry]
    opened: Sequence[Workflow]

    @classmethod
    def of(cls, library: WorkflowLibrary, person: str) -> Opening:
        """Return the workflows of this user."""
        return cls(library.entries(), library.forms.opened_by(person))

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
