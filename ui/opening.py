"""Workflows that people bring to the page: a dropped or pasted file opens for them alone, and may be kept for all."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse

from comfy.errors import ComfyError
from ui.backend import Backend
from ui.identity import Identity

MIB = 1024 * 1024
LARGEST = 100 * MIB  # a video with its workflow inside


def opening_routes(backend: Backend, identity: Identity) -> APIRouter:
    """The routes `/workflows` (open one) and `/workflows/{name}/keep`."""
    router = APIRouter()

    def owner_of(request: Request) -> str:
        owner = identity.owner(request)
        if owner is None or not identity.same_origin(request):
            raise HTTPException(401, "Please log in first.")
        return owner

    @router.post("/workflows")
    async def open_workflow(request: Request, file: str = "pasted.json") -> JSONResponse:
        owner = owner_of(request)
        data = await _body(request)
        if data is None:
            return _refusal(f"The file is larger than {LARGEST // MIB} MB.", "Open a smaller one.")
        try:
            workflow = await asyncio.to_thread(backend.open, owner, file, data)
        except ComfyError as problem:
            return _refusal(str(problem), problem.hint)
        return JSONResponse({"name": workflow.name})

    @router.post("/workflows/{name}/keep")
    def keep(request: Request, name: str) -> JSONResponse:
        owner = owner_of(request)
        try:
            return JSONResponse({"name": backend.keep(owner, name)})
        except ComfyError as problem:
            return _refusal(str(problem), problem.hint)

    return router


async def _body(request: Request) -> bytes | None:
    """The request's body, or None where it is larger than allowed; no more than that is ever held."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            return None
        parts.append(part)
    return b"".join(parts)


def _refusal(message: str, hint: str) -> JSONResponse:
    said: dict[str, Any] = {"message": message, "hint": hint}
    return JSONResponse(said, status_code=422)
