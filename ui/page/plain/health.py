"""Health check for containers, proxies and Spaces."""

from __future__ import annotations

from fastapi.responses import PlainTextResponse

from ui.web.access import Access, GuardedRoutes
from ui.web.responses import NO_STORE


def health_routes() -> GuardedRoutes:
    """Return `GET` and `HEAD /health`: 200 without sign-in and without details."""
    routes = GuardedRoutes()

    @routes.head("/health", Access.PUBLIC)
    @routes.get("/health", Access.PUBLIC)
    async def health() -> PlainTextResponse:
        """Answer on the event loop itself, which is the part that has to be alive."""
        return PlainTextResponse("alive\n", headers=NO_STORE)

    return routes
