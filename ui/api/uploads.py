"""Files that are sent before the runs that need them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Header, Request
from starlette.exceptions import HTTPException

from comfy.messages import message
from ui.api.values import Bodies
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON

_NO_KEY = message("No Idempotency-Key is taken here: files that are sent again are kept again.")
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        }
    },
}


def uploads_api(identity: Identity, bodies: Bodies) -> APIRouter:
    """`POST /uploads`."""
    router = APIRouter(tags=["Files"])

    @router.post("/uploads", status_code=201, openapi_extra={"requestBody": _BODY})
    async def upload(
        request: Request,
        *,
        idempotency_key: str = Header("", include_in_schema=False),
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Keep files for a day; the `id` of each is a value for fields that take files."""
        if idempotency_key:
            raise HTTPException(400, _NO_KEY)
        return AsciiJSON({"uploads": await bodies.keep(request, owner)}, 201)

    return router
