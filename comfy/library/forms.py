"""Forms of workflows per user, cached until their result could change.

Settings of forms that their authors are editing and haven't saved.

Workflows that take results, and the types they take.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Condition, Lock

from cachetools import LRUCache, TTLCache, cached

from comfy.base.errors import ComfyError, WorkflowError
from comfy.base.files import plain_name
from comfy.base.messages import message
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.result_types import ResultKind
from comfy.form.added_nodes import with_added
from comfy.form.build import build_form
from comfy.form.fill import is_drawn
from comfy.form.model import Form, first_taker, taken_kinds
from comfy.library.catalog import CatalogCache
from comfy.library.folder import WorkflowFolder, name_of_file
from comfy.library.permissions import Permissions
from comfy.library.private import MARK as OPENED_MARK
from comfy.library.private import PrivateWorkflows, weight
from comfy.prompt.structure import Structural, Structure
from comfy.runs.input_files import UPLOADS
from comfy.workflow.config import FormConfig
from comfy.workflow.model import Workflow, with_config
from comfy.workflow.resolve import on_server
from comfy.workflow.sanitize import fixed_inputs, sanitize, sanitize_for_operators

_MOST = 200  # drafts of all users; the oldest one is dropped first
_SECONDS = 12 * 3600.0
_MOST_INPUTS = 10_000  # take one or two seconds; the largest known workflow has 2,000
# For workflows, and again for forms; the largest known of each takes 5 MB.
_CACHE_BYTES = 64 * 2**20
_MOST_JUDGED = 1000  # workflows whose usability is cached
_FIELD_BYTES, _CHOICE_BYTES = 2_000, 150


class Drafts:
    """Drafts by owner and workflow, in memory. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drafts = TTLCache[tuple[str, str], FormConfig](_MOST, _SECONDS)

    def put(self, owner: str, name: str, config: FormConfig) -> None:
        """Remember a draft, in place of an older one."""
        with self._lock:
            self._drafts[owner, name] = config

    def get(self, owner: str, name: str) -> FormConfig | None:
        """Return this user's draft for a workflow, None without one."""
        with self._lock:
            return self._drafts.get((owner, name))

    def drop(self, owner: str, name: str) -> None:
        """Forget a draft, if there is one."""
        with self._lock:
            self._drafts.pop((owner, name), None)


@dataclass(frozen=True, slots=True)
class _Adapted:
    """A workflow as a user may use it on one server.

    The cache compares `source` and `catalog`, the inputs of the conversion, by object identity.
    That is unique while they are stored here. `fitted`: the catalog for this workflow.
    """

    source: Workflow
    catalog: Catalog
    fitted: Catalog
    workflow: Workflow
    structure: Structure

    @property
    def size(self) -> int:
        """Return its approximate size in memory, in bytes."""
        return weight(self.workflow.prompt) + weight(self.workflow.graph)


@dataclass(frozen=True, slots=True)
class _Built:
    """A form, and what it was built from: the adapted workflow, and the settings that its author is
    editing. `workflow`: the adapted one, with these settings.

    The cache compares both sources by object identity, which is unique while they are stored here.
    """

    adapted: _Adapted
    draft: FormConfig | None
    workflow: Workflow
    form: Form

    @property
    def size(self) -> int:
        """Return the form's approximate size in memory, in bytes."""
        choices = sum(len(field.choices or ()) for field in self.form.fields)
        fields = len(self.form.fields) * _FIELD_BYTES
        return weight(self.form.prompt) + fields + choices * _CHOICE_BYTES


@dataclass(frozen=True, slots=True)
class Usability:
    """Capabilities of a workflow on a server: if it can run, the result types that its form takes,
    and the key of its text field, or "". `draws_text`: it draws among alternatives in `{…}`."""

    can_run: bool = False
    takes: tuple[ResultKind, ...] = ()
    text_field: str = ""
    draws_text: bool = False


@dataclass(frozen=True, slots=True)
class _Judged:
    """A workflow's usability and the catalog it was computed with. The reference to `source` keeps
    its `id()` from being reused."""

    source: Workflow
    catalog: Catalog
    usability: Usability


class Forms:
    """Forms of the workflows in the folder, and of workflows that users open.

    Thread-safe: concurrent callers of the same form share one build.
    """

    def __init__(
        self,
        find: Callable[[str], Workflow],
        catalog: CatalogCache,
        permissions: Permissions,
        opened: PrivateWorkflows | None = None,
        *,
        nobody: str = "",
    ) -> None:
        """`find` returns a workflow of the folder by name, the same object until it changes. The
        last argument is the owner shared by users without identity."""
        self.catalog = catalog
        self.permissions = permissions
        self.drafts = Drafts()
        self._find = find
        self.opened = opened or PrivateWorkflows()
        self._nobody = nobody
        self._adapted = cached(
            LRUCache[object, _Adapted](_CACHE_BYTES, getsizeof=lambda one: one.size),
            key=lambda source, catalog, *, trusted: (id(source), id(catalog), trusted),
            condition=Condition(),
        )(self._adapt)
        self._built = cached(
            LRUCache[object, _Built](_CACHE_BYTES, getsizeof=lambda one: one.size),
            key=lambda adapted, structural, *, edits, draft: (
                id(adapted),
                id(draft),
                structural,
                edits,
            ),
            condition=Condition(),
        )(_build)

        self._judging = Lock()
        self._judged = LRUCache[tuple[int, bool], _Judged](_MOST_JUDGED)

    def form(
        self,
        name: str,
        owner: str,
        values: Mapping[str, object] | None = None,
        *,
        offline: bool = False,
        as_draft: bool = False,
    ) -> tuple[Workflow, Form]:
        """Return the workflow with this name for this user, and its form.

        `values` decide which fields the form has. `offline`: use the known node definitions without
        asking the server. `as_draft`: with the settings that this user is editing, if any. Raises
        WorkflowError, ServerUnreachable, ServerError.
        """
        catalog = self.catalog.cached() if offline else self.catalog.get()
        source, trusted = self._found(name, owner)
        adapted = self._adapted(source, catalog, trusted=trusted)
        structural = adapted.structure.structural(values or {})
        draft = self.drafts.get(owner, name) if as_draft else None
        edits = self.permissions.edits(owner)
        built = self._built(adapted, structural, edits=edits, draft=draft)
        return built.workflow, built.form

    def adapted(self, name: str, owner: str) -> tuple[Workflow, Catalog]:
        """Return the workflow as this user may use it, and the node definitions. Raises
        WorkflowError, ServerUnreachable, ServerError."""
        catalog = self.catalog.get()
        source, trusted = self._found(name, owner)
        adapted = self._adapted(source, catalog, trusted=trusted)
        return adapted.workflow, adapted.fitted

    def known_form(self, name: str, owner: str, values: Mapping[str, object] | None) -> Form | None:
        """Return the form without asking the server; None if its node definitions aren't known yet
        or the workflow is gone."""
        try:
            return self.form(name, owner, values, offline=True)[1]
        except ComfyError:
            return None

    def usability(self, name: str, owner: str) -> Usability:
        """Return what this user can do with a workflow; an empty Usability if the workflow isn't
        available.

        Computed once per catalog, one workflow at a time. Raises ServerUnreachable, ServerError.
        """
        catalog = self.catalog.get()
        try:
            source, trusted = self._found(name, owner)
        except WorkflowError:
            return Usability()
        with self._judging:
            known = self._judged.get((id(source), trusted))
            if known is None or known.catalog is not catalog:
                known = _Judged(source, catalog, self._judge(source, catalog, trusted=trusted))
                self._judged[id(source), trusted] = known
        return known.usability

    def open(
        self, owner: str, file: str, data: bytes, *, address: str = "", settings: str | None = None
    ) -> Workflow:
        """Open a file for this user only and return its workflow, whose `name` identifies it from
        now on.

        `address`, `settings`: see `PrivateWorkflows.put`. Raises WorkflowError.
        """
        self.permissions.check_open(owner)
        return self.opened.put(owner, plain_name(file), data, address=address, settings=settings)

    def open_template(
        self, owner: str, file: str, data: bytes, settings: str, *, address: str
    ) -> Workflow:
        """Open a template for this user only, like `open`. `settings`: of its form as TOML, unless
        the user has others for it."""
        self.permissions.check_templates(owner)
        return self.opened.put(owner, plain_name(file), data, address=address, settings=settings)

    def opened_by(self, owner: str) -> tuple[Workflow, ...]:
        """Return the workflows that this user has opened and may still use, newest first, without
        shared ones.

        Empty for users without identity, so that they don't see each other's workflows.
        """
        may_have_own = self.permissions.open(owner) or self.permissions.templates(owner)
        if owner == self._nobody or not may_have_own:
            return ()
        return self.opened.opened_by(owner)

    def close(self, owner: str, name: str) -> None:
        """Forget a workflow that this user has opened; its runs and results stay. Raises
        WorkflowError."""
        self.opened.forget(owner, name)

    def sweep(self) -> None:
        """Forget opened workflows that were unused for too long."""
        self.opened.sweep()

    def keep(self, owner: str, name: str, folder: WorkflowFolder) -> str:
        """Save an opened workflow in the folder for all users; return its name there.

        Workflows in the folder count as the administrator's, so an untrusted user's workflow must
        not name server files. Raises WorkflowError, ServerUnreachable, ServerError.
        """
        self.permissions.check_keep(owner)
        if not self.permissions.trusts(owner):
            original, _ = self._found(name, owner)
            catalog = self.catalog.fitted(self.catalog.get(), original.graph or original.prompt)
            workflow = on_server(original, catalog)
            known = all(node["class_type"] in catalog for node in workflow.prompt.values())
            if not known or self._harmless(workflow, catalog, trusted=False) != workflow:
                raise WorkflowError(
                    message(
                        "This workflow uses server files, or nodes that the server doesn't have."
                    ),
                    message(
                        "Clear its files in ComfyUI and save it again, or ask the administrator"
                        " to add it."
                    ),
                )
        settings, _ = self.opened.settings(owner, name)
        title = self.opened.get(owner, name).title
        file, data = self.opened.file(owner, name)
        below = self.permissions.folder_for(owner, name_of_file(file))
        kept = folder.add(file, data, title, settings, below=below)
        self.opened.note_shared(owner, name)
        return kept

    def readers(self, owner: str, name: str) -> str:
        """Return who could use a workflow after `keep`, "" if this user can't keep it."""
        if not (name.startswith(OPENED_MARK) and self.permissions.keep(owner)):
            return ""
        file, _ = self.opened.file(owner, name)
        return self.permissions.readers(owner, name_of_file(file))

    def knows(self, name: str, owner: str) -> bool:
        """Return whether this user may use a workflow of this name."""
        try:
            self._found(name, owner)
        except WorkflowError:
            return False
        return True

    def _found(self, name: str, owner: str) -> tuple[Workflow, bool]:
        """Return a workflow, and whether it comes from the administrator or a trusted user."""
        if not name.startswith(OPENED_MARK):
            self.permissions.check_sees(owner, name)
            return self._find(name), True
        self.permissions.check_own(owner)
        return self.opened.get(owner, name), self.permissions.trusts(owner)

    def _adapt(self, source: Workflow, catalog: Catalog, *, trusted: bool) -> _Adapted:
        fitted = self.catalog.fitted(catalog, source.graph or source.prompt)
        workflow = on_server(source, fitted)
        if sum(len(node["inputs"]) for node in workflow.prompt.values()) > _MOST_INPUTS:
            raise WorkflowError(
                message("This workflow is too large to open here."),
                message("Open a smaller one."),
            )
        workflow = self._harmless(workflow, fitted, trusted=trusted)
        workflow, fitted = with_added(workflow, fitted)
        structure = Structure.of(workflow.prompt, fitted)
        return _Adapted(source, catalog, fitted, workflow, structure)

    def _judge(self, source: Workflow, catalog: Catalog, *, trusted: bool) -> Usability:
        try:
            adapted = self._adapt(source, catalog, trusted=trusted)
        except WorkflowError:
            return Usability()
        form = _without_fixed(build_form(adapted.workflow, adapted.fitted))
        text = first_taker(form.fields, "text")
        kinds = taken_kinds(form.fields)
        if text is None:
            return Usability(form.can_run, kinds)
        return Usability(form.can_run, kinds, text.key, is_drawn(form, text))

    def _harmless(self, workflow: Workflow, catalog: Catalog, *, trusted: bool) -> Workflow:
        """Return the workflow in the form that a trusted or untrusted user may run."""
        if workflow.name.startswith(OPENED_MARK):
            self.permissions.check_nodes(workflow.prompt)
            if not trusted:
                self.permissions.check_savers(workflow.prompt, catalog)
                return sanitize(workflow, catalog, UPLOADS)
        return sanitize_for_operators(workflow, catalog, UPLOADS)


def _build(
    adapted: _Adapted, structural: Structural, *, edits: bool, draft: FormConfig | None
) -> _Built:
    workflow = adapted.workflow if draft is None else with_config(adapted.workflow, draft)
    form = build_form(workflow, adapted.fitted, dict(structural))
    return _Built(adapted, draft, workflow, form if edits else _without_fixed(form))


def _without_fixed(form: Form) -> Form:
    """Return the form without the fields that only the author sets: file names, and texts that
    become file names."""
    fixed = fixed_inputs(form.prompt, form.nodes)
    fields = (
        (
            replace(item, group="hidden")
            if not item.is_media and not fixed.isdisjoint(item.targets)
            else item
        )
        for item in form.fields
    )
    return replace(form, fields=tuple(fields))


@dataclass(frozen=True, slots=True)
class Taker:
    """A workflow that takes results of these kinds. Texts go into the field with the key
    `text_field`, "" if it takes none. `draws_text`: that field draws among alternatives."""

    name: str
    title: str
    kinds: tuple[ResultKind, ...]
    text_field: str
    draws_text: bool


def takers_of(forms: Forms, folder: WorkflowFolder, owner: str) -> tuple[Taker, ...]:
    """Return the workflows that take results and can run, from this user's opened workflows and
    from the folder. Raises ServerUnreachable, ServerError."""
    named = [(one.name, one.title) for one in forms.opened_by(owner)]
    named += [(entry.name, entry.title) for entry in folder.entries()]  # `usability` judges them
    known = ((name, title, forms.usability(name, owner)) for name, title in named)
    return tuple(
        Taker(name, title, can.takes, can.text_field, can.draws_text)
        for name, title, can in known
        if can.can_run and can.takes
    )
