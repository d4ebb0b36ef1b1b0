"""The workflows and chains that a user may start: their fields, and the JSON Schema of the
values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from comfy.base.errors import ManyProblems, ServerError, ServerUnreachable, WorkflowError
from comfy.form.model import Field, Form
from comfy.launch.payment import paid_work_of
from comfy.records.store import RunStore
from ui.api.problems import NotThere
from ui.documents.history_docs import run_tile
from ui.documents.workflow_doc import ListedWorkflow, WorkflowKind, WorkflowPage, WorkflowsDoc
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.identity import NOBODY
from ui.web.responses import API, AsciiJSON
from ui.web.shares import Work
from ui.web.urls import cover_address

_NEWEST = 60  # runs to search for a user's result images


@dataclass(frozen=True, slots=True)
class FieldDoc:
    """A field: its label, its help, and the schema of its value. `advanced`: collapsed on the page.
    `random`: drawn for each run if left out."""

    key: str
    label: str
    widget: str
    help: str
    required: bool
    advanced: bool
    section: str
    random: bool
    schema: dict[str, Any]


def field_docs(form: Form) -> list[FieldDoc]:
    """Return the fields that users can set, in order."""
    return [
        FieldDoc(
            key=field.key,
            label=field.label,
            widget=field.widget,
            help=field.tooltip,
            required=is_required(field),
            advanced=field.group == "advanced",
            section=field.section or field.heading,
            random=field.is_seed,
            schema=schema_of(field),
        )
        for field in form.fields
        if field.group != "hidden"
    ]


def values_schema(form: Form) -> dict[str, Any]:
    """Return the JSON Schema of a form's values. Values that are left out keep the author's
    value."""
    shown = [field for field in form.fields if field.group != "hidden"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": form.title,
        "properties": {field.key: schema_of(field) for field in shown},
        "required": [field.key for field in shown if is_required(field)],
        "additionalProperties": False,
    }


def is_required(field: Field) -> bool:
    """Return whether a run needs the caller's value."""
    if field.is_media:
        return not field.default_offered and not field.optional
    return field.required and field.default in (None, "")


def schema_of(field: Field) -> dict[str, Any]:
    """Return the JSON Schema of a field's value."""
    schema = field.kind.schema(field)
    about = {"title": field.label, "description": field.tooltip}
    return schema | {name: said for name, said in about.items() if said}


@dataclass(frozen=True, slots=True)
class WorkflowDetails:
    """A workflow or chain. `can_run`: this ComfyUI has everything required. `problems`: missing
    parts, as messages. `notes`: values that were replaced because ComfyUI doesn't offer them.
    `paid`: a workflow's nodes that use paid credits, with their prices for the author's values.
    `schema`: the JSON Schema of its values."""

    name: str
    title: str
    description: str
    kind: WorkflowKind
    can_run: bool
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    paid: tuple[str, ...]
    fields: tuple[FieldDoc, ...]
    schema: Mapping[str, Any]
    url: str


def workflows_api(library: WorkflowLibrary, history: RunStore, root: str) -> GuardedRoutes:
    """Return `GET /workflows` and `GET /workflows/{name}`. A name may contain slashes."""
    return GuardedRoutes.of(WorkflowHandlers(library, history, root))


@dataclass(frozen=True, slots=True)
class WorkflowHandlers:
    """Handlers of the routes that list and describe workflows. `root`: the app's path below its
    host."""

    library: WorkflowLibrary
    history: RunStore
    root: str

    routes = GuardedRoutes(tags=["Workflows"])

    def _address(self, name: str) -> str:
        return f"{self.root}{API}/workflows/{quote(name)}"

    def _kind(self, name: str, owner: str) -> WorkflowKind:
        return "chain" if self.library.is_chain(name, owner) else "workflow"

    def _listed(
        self, owner: str, page_of: Callable[[str], WorkflowPage | None]
    ) -> Iterator[ListedWorkflow]:
        named = [(one.name, one.title, one.problem) for one in self.library.entries(owner)]
        named += [
            (one.name, one.title or one.name, "") for one in self.library.forms.opened_by(owner)
        ]
        for name, title, problem in named:
            yield ListedWorkflow(
                name, title, self._kind(name, owner), problem, self._address(name), page_of(name)
            )

    @routes.get(
        "/workflows",
        Access.SIGNED_IN,
        summary="List",
        work=Work.CATALOG,
        response_model=WorkflowsDoc,
    )
    def list_workflows(self, *, with_page: bool = False, owner: Owner) -> AsciiJSON:
        """Return the workflows and chains that you can use.

        The list has those in the workflow folder and those that you have opened.
        `with_page=true` adds the state that the app's own page shows. The first request for it may
        take seconds, because the forms are built.
        """
        thumbs = _thumbs(self.library, self.history, owner) if with_page else {}

        def page_of(name: str) -> WorkflowPage | None:
            if not with_page:
                return None
            return WorkflowPage(_is_blocked(self.library, name, owner), thumbs.get(name, ""))

        return AsciiJSON(WorkflowsDoc(tuple(self._listed(owner, page_of))))

    @routes.get(
        "/workflows/{name:path}",
        Access.OWNER,
        summary="Get",
        work=Work.CATALOG,
        response_model=WorkflowDetails,
    )
    def get_workflow(self, name: str, owner: Owner) -> AsciiJSON:
        """Return a workflow or chain with its fields and the JSON Schema of its values.

        `problems` lists what ComfyUI lacks to run it, `notes` the values that were replaced.
        """
        try:
            form = self.library.form(name, owner)
        except WorkflowError as problem:
            raise NotThere(str(problem), problem.hint) from problem
        return AsciiJSON(
            WorkflowDetails(
                name=name,
                title=form.title,
                description=form.description,
                kind=self._kind(name, owner),
                can_run=form.can_run,
                problems=tuple(form.problems),
                notes=tuple(note.said for note in form.notes),
                paid=tuple(paid_work_of(form).prices),
                fields=tuple(field_docs(form)),
                schema=values_schema(form),
                url=self._address(name),
            )
        )


def _is_blocked(library: WorkflowLibrary, name: str, owner: str) -> bool:
    """Return whether the server lacks a required part; False while the server's parts are
    unknown."""
    try:
        if library.is_chain(name, owner):
            return not library.form(name, owner).can_run
        return not library.forms.usability(name, owner).can_run
    except (WorkflowError, ManyProblems):
        return True
    except (ServerUnreachable, ServerError):
        return False


def _thumbs(library: WorkflowLibrary, history: RunStore, owner: str) -> dict[str, str]:
    """Return the image of each workflow: its cover, otherwise the user's newest result."""
    covers = {
        one.name: cover_address(one.name, one.cover) for one in library.entries(owner) if one.cover
    }
    if owner == NOBODY:
        return covers
    newest = reversed(history.of(owner, limit=_NEWEST))
    return {one.job.workflow: thumb for one in newest if (thumb := run_tile(one).thumb)} | covers
