"""Which workflows take results, and of which kinds: found out once for each workflow."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from threading import Condition

from cachetools import LRUCache, cached

from comfy.errors import WorkflowError
from comfy.form.takers import taken_kinds
from comfy.object_info import Catalogue
from comfy.protocol.outputs import FileKind
from comfy.services.forms import Forms
from comfy.workflow.folder import WorkflowFolder
from comfy.workflow.model import Workflow

_MOST = 2_000  # workflows that are remembered


@dataclass(frozen=True, slots=True)
class Taker:
    """A workflow that takes results of these kinds."""

    name: str
    title: str
    kinds: tuple[FileKind, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What a workflow takes on a server; both are known by their identity, which is theirs alone
    for as long as they are kept here."""

    source: Workflow
    catalogue: Catalogue
    kinds: tuple[FileKind, ...]


class Takers:
    """Asked again, a workflow that has not changed is not looked at again. For any number of
    threads: of those that want the same, one looks."""

    def __init__(self, forms: Forms, folder: WorkflowFolder) -> None:
        self._forms = forms
        self._folder = folder
        self._found = cached(
            LRUCache[object, _Found](_MOST),
            key=lambda source, catalogue, owner: (id(source), id(catalogue)),
            condition=Condition(),
        )(self._find)

    def of(self, owner: str) -> tuple[Taker, ...]:
        """The workflows of the folder and those that this person has opened, which take results
        and can run. Raises ServerUnreachable, ServerError."""
        catalogue = self._forms.catalogue.get()
        named = [(one, one.title) for one in self._forms.opened_by(owner)]
        for entry in self._folder.entries():
            with suppress(WorkflowError):  # it cannot be read, or it has just gone
                named.append((self._folder.get(entry.name), entry.title))
        takers = (
            Taker(one.name, title, self._found(one, catalogue, owner).kinds) for one, title in named
        )
        return tuple(taker for taker in takers if taker.kinds)

    def _find(self, source: Workflow, catalogue: Catalogue, owner: str) -> _Found:
        try:
            _, form = self._forms.form(source.name, owner)
        except WorkflowError:
            return _Found(source, catalogue, ())
        can_run = all(one.can_be_replaced for one in form.missing)
        return _Found(source, catalogue, taken_kinds(form.fields) if can_run else ())
