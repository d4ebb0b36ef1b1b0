"""Page for URLs that don't exist, or that this user can't see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from comfy.base.messages import message
from ui.gradio.internals import app_address
from ui.page.plain.layout import notice_page
from ui.web.responses import API, Problem, http_error, wants_page

_NOTHING = message("Page not found")
_WHY = message("The link may be wrong, the page may have been removed, or you may not have access.")


def not_found_page(root: str) -> HTMLResponse:
    """Return the page with status 404. `root`: the app's URL."""
    return notice_page(root, _NOTHING, _WHY, status=404)


def http_error_handler(root_path: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return the handler of HTTPException: `http_error`, or for browsers the page above.
    `root_path`: see the web server."""

    async def answer(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, HTTPException)
        if request.scope["path"].startswith(f"{API}/"):  # a path with a line break matches no mount
            return Problem(problem.status_code, problem.detail).answer(problem.headers)
        if problem.status_code != 404 or not wants_page(request):
            return await http_error(request, problem)
        return not_found_page(app_address(request, root_path))

    return answer
