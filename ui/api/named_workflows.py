"""Workflows, chains and their fields under names that are valid in any program."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from comfy.base.errors import WorkflowError
from comfy.chains.model import ChainErrors
from comfy.form.model import Field, Form
from ui.library import WorkflowLibrary

_LONGEST = 48  # characters; some assistants allow at most 64
_TAKEN = frozenset({"run", "batch", "chain", "workflows"})  # functions for any workflow
_OTHERS = re.compile(r"[^a-z0-9]+")


def argument_names(form: Form) -> dict[str, str]:
    """Return an argument name for each field that users can set, by field key and in order. Names
    are unique. They derive from the labels and contain only a-z, 0-9 and `_`, which any program
    accepts."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for field in form.fields:
        if field.group != "hidden":
            name = unique_name(_name_of(field), taken)
            names[field.key] = name
            taken.add(name)
    return names


def workflow_names(titles: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return workflows' names, by identifiers derived from their titles. Earlier workflows keep
    their identifiers when later ones are added."""
    names: dict[str, str] = {}
    for title, workflow in titles:
        names[unique_name(plain_word(title) or "workflow", _TAKEN.union(names))] = workflow
    return names


def unique_name(name: str, taken: Collection[str]) -> str:
    """Return the name, with the first free number appended if it is taken."""
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name}_{number}"
    return free


def plain_word(text: str) -> str:
    """Convert a text to an argument name; empty if no letter or digit has an ASCII form."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _OTHERS.sub("_", letters).strip("_")[:_LONGEST].rstrip("_")


def _name_of(field: Field) -> str:
    name = plain_word(field.label) or plain_word(field.input) or "value"
    return f"field_{name}" if name[0].isdigit() else name


class NamedForm(NamedTuple):
    """A workflow or chain with an identifier (`name`). `workflow`: its real name."""

    name: str
    workflow: str
    form: Form
    is_chain: bool


def named_workflows(library: WorkflowLibrary, owner: str) -> dict[str, str]:
    """Return the real names of this user's workflows and chains, by identifiers of a-z, 0-9 and
    `_`. Opened workflows don't change the identifiers of the folder's workflows."""
    shared = sorted(one.name for one in library.entries(owner) if not one.problem)
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
        is_chain = library.is_chain(workflow, owner)
        return NamedForm(name, workflow, library.form(workflow, owner), is_chain)
    except (WorkflowError, ChainErrors):
        return None
