"""Routes of the administrator page and its buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from comfy.comfyui.servers.server import ComfyServer
from ui.operator.frame import PATH, AdminFrame
from ui.operator.overview import Monitor, free
from ui.operator.page import overview_body
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import NO_STORE


def operator_routes(monitor: Monitor, frame: AdminFrame) -> GuardedRoutes:
    """Return `GET /operator`, `GET /operator/runs/{run_id}/preview` for its images, and `POST
    /operator/servers/{number}/{action}` for its buttons: drain, take-back, free."""
    routes = GuardedRoutes()
    pool = monitor.servers
    servers = {str(at): server for at, server in enumerate(pool.servers)}

    def drain(server: ComfyServer) -> str:
        pool.drain(server)
        return ""

    def take_back(server: ComfyServer) -> str:
        pool.take_back(server)
        return ""

    # Each returns the reason for a failure, or "" on success.
    actions: Mapping[str, Callable[[ComfyServer], str]] = {
        "drain": drain,
        "take-back": take_back,
        "free": free,
    }

    @routes.get(PATH, Access.SIGN_IN_PAGE)
    def operator(request: Request) -> HTMLResponse:
        """Return the page; without a user, return the sign-in page. Raises 404 for other users."""
        return frame.shown(request, PATH, lambda: overview_body(monitor.overview()))

    @routes.get(f"{PATH}/runs/{{run_id}}/preview", Access.ADMINISTRATOR)
    def preview(run_id: str) -> Response:
        """Return the newest image of any user's run; 404 if administrators may not see it."""
        image = monitor.preview_of(run_id)
        if image is None:
            raise HTTPException(404)
        return Response(image.data, media_type=image.media_type, headers=NO_STORE)

    @routes.post(f"{PATH}/servers/{{number}}/{{action}}", Access.ADMINISTRATOR)
    def act(request: Request, number: str, action: str) -> Response:
        """Run the action and redirect to the page. If the server failed, return the page with the
        reason and status 409."""
        path = f"{PATH}/servers/{number}/{action}"
        if number not in servers or action not in actions:
            raise HTTPException(404)
        if why := actions[action](servers[number]):
            return frame.page(request, path, PATH, overview_body(monitor.overview()), why, 409)
        return frame.back(request, path, PATH)

    return routes
