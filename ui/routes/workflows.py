"""Workflows that people bring to the page: a dropped or pasted file opens for them alone, and may
be kept for all."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Request

from comfy.errors import ComfyError
from comfy.filenames import plain_name
from comfy.services.forms import Forms
from comfy.workflow.folder import WorkflowFolder
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON
from ui.web.shares import shared_address

OPEN = "/workflows"
_AT_ONCE = 2  # a stranger's file can be half a second's work and 100 MB of objects


def workflow_routes(forms: Forms, folder: WorkflowFolder, identity: Identity) -> APIRouter:
    """The routes `/workflows` (open one) and `/workflows/{name}/keep`."""
    router = APIRouter()
    room = asyncio.Semaphore(_AT_ONCE)

    @router.post(OPEN)
    async def open_workflow(
        request: Request, file: str = "pasted.json", owner: str = Depends(identity.caller)
    ) -> AsciiJSON:
        data = await request.body()
        try:
            async with room:
                address = shared_address(owner, request.scope)
                workflow = await asyncio.to_thread(
                    forms.open, owner, plain_name(file), data, address=address
                )
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


def _refusal(message: str, hint: str) -> AsciiJSON:
    said: dict[str, Any] = {"message": message, "hint": hint}
    return AsciiJSON(said, status_code=422)
