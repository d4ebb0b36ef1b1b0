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
    """A workflow or chain with an identifier (`name`). `workflow`: its real name."""

    name: str
    workflow: str
    form: Form
    is_chain: bool


def named_workflows(library: WorkflowLibrary, owner: str) -> dict[str, str]:
    """Return the real names of this user's workflows and chains, by identifiers of a-z, 0-9 and
    `_`. Opened workflows don't change the identifiers of the folder's workflows."""
    shared = sorted(one.name for one in library.entries() if not one.problem)
    opened = [(one.title, one.name) for one in library.forms.opened_by(owner)]
    return workflow_names([*((name, name) for name in shared), *opened])


def named_forms(library: WorkflowLibrary, owner: str) -> Iterator[NamedForm]:
    """Yield the workflows and chains that this ComfyUI can run. Blocks until the server's first
    answer. Raises ComfyError if the server doesn't answer."""
    for name, workflow in named_workflows(library, owner).items():
        named = named_form(library, name, workflow, owner)
        if named is not None and named.form.can_run:
            yield named


def named_form(library: WorkflowLibrary, name: str, workflow: str, owner: str) -> NamedForm | None:
    """Return a workflow or chain; None if it has been removed or broken since. Raises ComfyError
    like `named_forms`."""
    try:
        is_chain = library.is_chain(workflow)
        return NamedForm(name, workflow, library.form(workflow, owner), is_chain)
    except (WorkflowError, ChainErrors):
        return None
