"""Small pages: for URLs that don't exist or that this user can't see, for browsers that are
offline, and the health check for containers, proxies and Spaces."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from comfy.base.messages import message
from comfyforms.plugin_manager import contributed
from ui.gradio.internals import app_address
from ui.languages.current import html_of
from ui.page.plain.layout import SILENT, module_tag, notice_page, plain_page, policy
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import API, NO_STORE, Problem, http_error, wants_page

_NOTHING = message("Page not found")
_WHY = message("The link may be wrong, the page may have been removed, or you may not have access.")
_PATH = "/service_worker.js"  # at the root: browsers use the worker only for pages below its URL
_HEADERS = {"cache-control": "no-cache"}
_RETRYING = message("Retrying…")
_BODY = """<main class="card" role="status">
<h1>{title}</h1>
<p>{retrying}</p>
</main>
{script}"""


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


def offline_routes(root_path: str, largest: int) -> GuardedRoutes:
    """Return `GET /service_worker.js`, which is public. `root_path`: see the web server. `largest`:
    an upload's most bytes."""
    routes = GuardedRoutes()

    @routes.get(_PATH, Access.PUBLIC, is_constant=True)
    def worker(request: Request) -> Response:
        """Return the worker with the page in it."""
        page = json.dumps(_page(app_address(request, root_path)))
        script = (
            f"const PAGE = {page};\nconst POLICY = {json.dumps(policy())};\n"
            f"const LARGEST = {largest};\n{_worker()}"
        )
        return Response(script, 200, _HEADERS, "text/javascript")

    return routes


def _page(root: str) -> str:
    body = _BODY.format(
        title=html_of(SILENT), retrying=html_of(_RETRYING), script=module_tag("retrying.js")
    )
    return plain_page(root, "", body, "")


@cache
def _worker() -> str:
    name = "service_worker.js"
    files = (Path(__file__).with_name(name), *(one.folder / name for one in contributed("assets")))
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.exists())


def health_routes() -> GuardedRoutes:
    """Return `GET` and `HEAD /health`: 200 without sign-in and without details."""
    routes = GuardedRoutes()

    @routes.head("/health", Access.PUBLIC, is_constant=True)
    @routes.get("/health", Access.PUBLIC, is_constant=True)
    async def health() -> PlainTextResponse:
        """Answer on the event loop itself, which is the part that has to be alive."""
        return PlainTextResponse("alive\n", headers=NO_STORE)

    return routes
