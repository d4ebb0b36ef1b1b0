"""Workflows and chains that users can open, under one set of names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from comfy.chains.forms import ChainForms
from comfy.form.model import Form
from comfy.library.folder import FolderEntry, WorkflowFolder
from comfy.library.forms import Forms
from comfy.workflow.config import image_beside
from comfy.workflow.cover import cover_problem, images_of


@dataclass(frozen=True, slots=True)
class WorkflowLibrary:
    """Library of the folder's workflows and chains, and of workflows that users opened for
    themselves."""

    folder: WorkflowFolder
    forms: Forms
    chain_forms: ChainForms

    def is_chain(self, name: str, owner: str) -> bool:
        return self.chain_forms.has(name, owner)

    def form(self, name: str, owner: str, values: Mapping[str, object] | None = None) -> Form:
        """Return the form of a workflow or a chain with these values. Raises the errors of
        `Forms.form` and `ChainForms.form`."""
        if self.is_chain(name, owner):
            return self.chain_forms.form(name, owner, values).form
        return self.forms.form(name, owner, values)[1]

    def cover(self, name: str, owner: str) -> Path | None:
        """Return the cover image beside a workflow or chain of the folder that this user sees, if
        any. Raises WorkflowError."""
        if self.is_chain(name, owner):
            chains = self.chain_forms.folder.entries()
            return next((chain.cover for chain in chains if chain.name == name), None)
        self.forms.permissions.check_sees(owner, name)
        return self.folder.get(name).cover

    def image(self, name: str, image: str, owner: str) -> Path | None:
        """Return an image beside a workflow of the folder that could be its cover; None if there is
        none, or if this user may not edit forms and the form doesn't show it. Raises
        WorkflowError."""
        self.forms.permissions.check_sees(owner, name)
        workflow = self.folder.get(name)
        if workflow.path is None or not image_beside(image):
            return None
        path = workflow.path.with_name(image)
        sees = self.forms.permissions.may_shape(owner) or path in images_of(
            workflow.path, workflow.config
        )
        return None if not sees or cover_problem(path) else path

    def stamps(self) -> Mapping[str, object]:
        """Return values, by name, that change when the files of the folder change."""
        return {**self.folder.stamps(), **self.chain_forms.folder.stamps()}

    def entries(self, owner: str) -> tuple[FolderEntry, ...]:
        """Return the workflows and chains of the folder that this user sees; the ones with a
        problem come last."""
        sees = self.chain_forms.sees_of(owner)
        return tuple(one for one in self.all_entries() if sees(one.name))

    def all_entries(self) -> tuple[FolderEntry, ...]:
        """Return all workflows and chains of the folder, for administrators' figures."""
        chains = self.chain_forms.folder.entries()
        covers = {chain.cover for chain in chains}
        workflows = self.folder.entries(covers)
        wrong = self.chain_forms.folder.problems({one.name: one.problem for one in workflows})
        judged = (replace(one, problem=wrong.get(one.name, one.problem)) for one in chains)
        return tuple(sorted((*workflows, *judged), key=lambda entry: bool(entry.problem)))
