"""The workflows and chains that a person may start, and what each takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from fastapi import Depends

from comfy.base.errors import WorkflowError
from ui.api.problems import NotThere
from ui.api.schema import ToldField, told_fields, values_schema
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.responses import API, AsciiJSON

WorkflowKind = Literal["workflow", "chain"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A workflow in a list. `problem`: the reason why it can't be used, or ""; `url`: the path of
    its fields."""

    name: str
    title: str
    kind: WorkflowKind
    problem: str
    url: str


@dataclass(frozen=True, slots=True)
class Lists:
    """All workflows and chains of a user."""

    workflows: tuple[Listed, ...]


@dataclass(frozen=True, slots=True)
class ToldWorkflow:
    """A workflow or chain. `can_run`: this ComfyUI has everything required; `problems`: missing
    parts as messages; `schema`: the JSON Schema of its values."""

    name: str
    title: str
    description: str
    kind: WorkflowKind
    can_run: bool
    problems: tuple[str, ...]
    fields: tuple[ToldField, ...]
    schema: Mapping[str, Any]
    url: str


def workflows_api(library: WorkflowLibrary, identity: Identity, root: str) -> GuardedRoutes:
    """`GET /workflows` and `GET /workflows/{name}`; a name may have slashes."""
    routes = GuardedRoutes(tags=["Workflows"])

    def address(name: str) -> str:
        return f"{root}{API}/workflows/{quote(name)}"

    def kind(name: str) -> WorkflowKind:
        return "chain" if library.is_chain(name) else "workflow"

    def listed(owner: str) -> Iterator[Listed]:
        for entry in library.entries():
            name = entry.name
            yield Listed(name, entry.title, kind(name), entry.problem, address(name))
        for one in library.forms.opened_by(owner):
            yield Listed(one.name, one.title or one.name, "workflow", "", address(one.name))

    @routes.get("/workflows", Access.SIGNED_IN, response_model=Lists)
    def all_of_them(owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Return the workflows and chains that you can use.

        Those are the ones in the workflow folder and the workflows that you have opened.
        """
        return AsciiJSON(Lists(tuple(listed(owner))))

    @routes.get("/workflows/{name:path}", Access.OWNER, response_model=ToldWorkflow)
    def one(name: str, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Return a workflow or chain with its fields and the JSON Schema of its values.

        `problems` lists what ComfyUI lacks to run it.
        """
        try:
            form = library.form(name, owner)
        except WorkflowError as problem:
            raise NotThere(str(problem), problem.hint) from problem
        return AsciiJSON(
            ToldWorkflow(
                name=name,
                title=form.title,
                description=form.description,
                kind=kind(name),
                can_run=form.can_run,
                problems=tuple(form.problems),
                fields=tuple(told_fields(form)),
                schema=values_schema(form),
                url=address(name),
            )
        )

    return routes
