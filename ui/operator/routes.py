"""Routes of the administrator page and its buttons."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from comfy.comfyui.servers.server import ComfyServer
from ui.accounts.pages.sign_in import SignInPage
from ui.gradio.internals import root_address
from ui.languages.current import in_english
from ui.operator.access import OperatorAccess
from ui.operator.overview import Monitor, free
from ui.operator.page import PATH, TITLE, page_body
from ui.page.plain.layout import as_page, head_tags_of, plain_page
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import NO_STORE


def operator_routes(
    monitor: Monitor, access: OperatorAccess, sign_in: SignInPage, root_path: str
) -> GuardedRoutes:
    """Return `GET /operator`, `GET /operator/runs/{run_id}/preview` for its images, and `POST
    /operator/servers/{number}/{action}` for its buttons: drain, take-back, free."""
    routes = GuardedRoutes()
    pool, identity = monitor.servers, access.identity
    servers = {str(at): server for at, server in enumerate(pool.servers)}

    def page(request: Request, path: str, why: str = "", status: int = 200) -> HTMLResponse:
        root = root_address(request, path, root_path)
        tags = head_tags_of(html.escape(root), TITLE)
        with in_english():
            body = page_body(monitor.overview(), why, has_tokens=identity.login is not None)
            return as_page(plain_page(tags, body, root), status)

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
        if identity.owner(request) is None:
            return sign_in(request, PATH)
        if not access.permits(request):
            raise HTTPException(404)
        return page(request, PATH)

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
            return page(request, path, why, 409)
        return RedirectResponse(f"{root_address(request, path, root_path)}{PATH}", 303)

    return routes
