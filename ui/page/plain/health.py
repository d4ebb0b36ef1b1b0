"""Whether the app lives, for those who watch over it: containers, proxies, Spaces."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from ui.web.responses import NO_STORE


def health_routes() -> APIRouter:
    """`GET` and `HEAD /health`: 200 for anybody, without a login, and no word of what is here."""
    router = APIRouter()

    @router.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> PlainTextResponse:
        """On the event loop itself, which is what has to be alive."""
        return PlainTextResponse("alive\n", headers=NO_STORE)

    return router
