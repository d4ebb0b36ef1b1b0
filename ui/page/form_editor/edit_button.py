"""Users who may edit a form."""

from __future__ import annotations

from comfy.library.private import MARK as OPENED_MARK
from ui.library import WorkflowLibrary


def may_edit(library: WorkflowLibrary, name: str, person: str) -> bool:
    """Return whether this user may edit a form: always of their own workflows, and of shared ones
    if the settings allow it."""
    return name.startswith(OPENED_MARK) or library.forms.permissions.may_shape(person)
