"""Workflows that people bring to the page: a dropped or pasted file opens for them alone, and may be kept for all."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, HTTPException, Request

from comfy.errors import ComfyError
from comfy.file_names import plain_name
from ui.ascii_json import AsciiJSON
from ui.backend import Backend
from ui.identity import Identity
from ui.shares import shared_address

OPEN = "/workflows"
AT_ONCE = 2  # a stranger's file can be half a second's work and 100 MB of objects


def opening_routes(backend: Backend, identity: Identity) -> APIRouter:
    """The routes `/workflows` (open one) and `/workflows/{name}/keep`."""
    router = APIRouter()
    room = asyncio.Semaphore(AT_ONCE)

    def owner_of(request: Request) -> str:
        owner = identity.owner(request)
        if owner is None or not identity.same_origin(request):
            raise HTTPException(401, "Please log in first.")
        return owner

    @router.post(OPEN)
    async def open_workflow(request: Request, file: str = "pasted.json") -> AsciiJSON:
        owner = owner_of(request)
        data = await request.body()
        try:
            async with room:
                address = shared_address(owner, request.scope)
                workflow = await asyncio.to_thread(backend.open, owner, plain_name(file), data, address=address)
        except ComfyError as problem:
            return _refusal(str(problem), problem.hint)
        return AsciiJSON({"name": workflow.name})

    @router.post(f"{OPEN}/{{name}}/keep")
    def keep(request: Request, name: str) -> AsciiJSON:
        owner = owner_of(request)
        try:
            return AsciiJSON({"name": backend.keep(owner, name)})
        except ComfyError as problem:
            return _refusal(str(problem), problem.hint)

    return router


def _refusal(message: str, hint: str) -> AsciiJSON:
    said: dict[str, Any] = {"message": message, "hint": hint}
    return AsciiJSON(said, status_code=422)
