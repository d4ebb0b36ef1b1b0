"""Workflows: what is known of each, and those that people bring to the page: a dropped or pasted
file opens for them alone, and may be kept for all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import FileResponse

from comfy.errors import ComfyError, ManyProblems, ServerError, ServerUnreachable, WorkflowError
from comfy.messages import message
from ui.routes.history import as_http_errors
from ui.routes.past_run import past_run
from ui.routes.results import sent
from ui.services import Services
from ui.web.identity import NOBODY, Identity
from ui.web.responses import AsciiJSON
from ui.web.shares import shared_address
from ui.web.urls import cover_address

OPEN = "/workflows"
_AT_ONCE = 2  # a stranger's file can be half a second's work and 100 MB of objects
_NEWEST = 60  # runs among which images of what a person has made are looked for


@dataclass(frozen=True, slots=True)
class KnownWorkflow:
    """What a list of workflows says of one beside its title. `blocked`: the server lacks something
    that it needs; `thumb`: the address of an image of what comes out, or ""."""

    blocked: bool
    thumb: str


def workflow_routes(services: Services, identity: Identity) -> APIRouter:
    """The routes `/workflows` (what is known of each; open one), `/workflows/{name}/cover` and
    `/workflows/{name}/keep`. A workflow in a sub-folder has slashes in its name."""
    router = APIRouter()
    room = asyncio.Semaphore(_AT_ONCE)
    forms, folder = services.forms, services.folder

    @router.get(OPEN)
    def known(owner: str = Depends(identity.caller)) -> AsciiJSON:
        """What is known of each workflow that this person may use, by its name."""
        with as_http_errors():
            return AsciiJSON({name: asdict(one) for name, one in known_workflows(services, owner)})

    @router.get(f"{OPEN}/{{name:path}}/cover")
    def cover(name: str, _: str = Depends(identity.reader)) -> FileResponse:
        """The image that its author has put beside a workflow of the folder."""
        try:
            path = services.cover(name)
            if path is not None:
                return sent(path, path.name)
        except (WorkflowError, OSError):
            pass
        raise HTTPException(404, message("There is no such image."))

    @router.post(OPEN)
    async def open_workflow(
        request: Request, file: str = "pasted.json", owner: str = Depends(identity.caller)
    ) -> AsciiJSON:
        data = await request.body()
        try:
            async with room:
                address = shared_address(owner, request.scope)
                workflow = await asyncio.to_thread(forms.open, owner, file, data, address=address)
        except ComfyError as problem:
            return _refusal(str(problem), problem.hint)
        return AsciiJSON({"name": workflow.name})

    @router.post(f"{OPEN}/{{name}}/keep")
    def keep(name: str, owner: str = Depends(identity.caller)) -> AsciiJSON:
        try:
            return AsciiJSON({"name": forms.keep(owner, name, folder)})
        except ComfyError as problem:
            return _refusal(str(problem), problem.hint)

    return router


def known_workflows(services: Services, owner: str) -> Iterator[tuple[str, KnownWorkflow]]:
    """Each workflow of the folder and each that this person has opened. May take seconds once, as
    their forms are built."""
    entries = services.entries()
    covers = {one.name: cover_address(one.name, one.cover) for one in entries if one.cover}
    thumbs = _newest_thumbs(services, owner) | covers
    opened = services.forms.opened_by(owner)
    for name in [*(one.name for one in entries), *(one.name for one in opened)]:
        yield name, KnownWorkflow(_is_blocked(services, name, owner), thumbs.get(name, ""))


def _is_blocked(services: Services, name: str, owner: str) -> bool:
    """Not while nobody knows what the server has."""
    try:
        if name in services.chain_forms.folder:
            return not services.form(name, owner).can_run
        return not services.forms.usability(name, owner).can_run
    except (WorkflowError, ManyProblems):
        return True
    except (ServerUnreachable, ServerError):
        return False


def _newest_thumbs(services: Services, owner: str) -> dict[str, str]:
    """The newest image that this person has made with each workflow."""
    history = services.runs.history
    if history is None or owner == NOBODY:
        return {}
    runs = [past_run(record) for record in history.of(owner, limit=_NEWEST)]
    return {run.workflow: run.thumb for run in reversed(runs) if run.thumb}


def _refusal(message: str, hint: str) -> AsciiJSON:
    said: dict[str, Any] = {"message": message, "hint": hint}
    return AsciiJSON(said, status_code=422)
