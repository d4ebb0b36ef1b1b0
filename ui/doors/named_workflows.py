"""Workflows and chains under names that are valid function names in any program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from comfy.base.errors import WorkflowError
from comfy.chains.model import ChainErrors
from comfy.form.model import Form
from ui.doors.argument_names import workflow_names
from ui.library import WorkflowLibrary


class NamedForm(NamedTuple):
    """A workflow or chain with an identifier: `workflow` is its own name."""

    name: str
    workflow: str
    form: Form
    is_chain: bool


def named_workflows(library: WorkflowLibrary, owner: str) -> dict[str, str]:
    """Return the own name of each of this user's workflows and chains, by an identifier of a-z, 0-9
    and `_`. Opened workflows don't change the identifiers of the folder's."""
    shared = sorted(one.name for one in library.entries() if not one.problem)
    opened = [(one.title, one.name) for one in library.forms.opened_by(owner)]
    return workflow_names([*((name, name) for name in shared), *opened])


def named_forms(library: WorkflowLibrary, owner: str) -> Iterator[NamedForm]:
    """Return those that this ComfyUI can run. Blocks for the server's first answer; ComfyError if
    it doesn't answer."""
    for name, workflow in named_workflows(library, owner).items():
        named = named_form(library, name, workflow, owner)
        if named is not None and named.form.can_run:
            yield named


def named_form(library: WorkflowLibrary, name: str, workflow: str, owner: str) -> NamedForm | None:
    """One of them; None where it was taken away or broken since. ComfyError as `named_forms`."""
    try:
        is_chain = library.is_chain(workflow)
        return NamedForm(name, workflow, library.form(workflow, owner), is_chain)
    except (WorkflowError, ChainErrors):
        return None
