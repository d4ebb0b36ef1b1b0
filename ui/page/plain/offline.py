"""Offline page from the app's service worker, which disappears by itself. Nothing else is stored in
the browser."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from fastapi import Request
from fastapi.responses import Response

from comfy.base.messages import message
from ui.gradio.internals import root_address
from ui.languages.current import html_of
from ui.page.plain.inline import module_tag, policy
from ui.page.plain.layout import plain_page
from ui.web.access import Access, GuardedRoutes

_PATH = "/service_worker.js"  # at the root: browsers use the worker only for pages below its URL
_HEADERS = {"cache-control": "no-cache"}
_TITLE = message("Can't reach ComfyForms.")
_RETRYING = message("Retrying…")
_BODY = """<main class="card" role="status">
<h1>{title}</h1>
<p>{retrying}</p>
</main>
{script}"""


def offline_routes(root_path: str) -> GuardedRoutes:
    """Return `GET /service_worker.js`, which is public. `root_path`: see the web server."""
    routes = GuardedRoutes()

    @routes.get(_PATH, Access.PUBLIC)
    def worker(request: Request) -> Response:
        """Return the worker with the page in it."""
        page = json.dumps(_page(root_address(request, _PATH, root_path)))
        script = f"const PAGE = {page};\nconst POLICY = {json.dumps(policy())};\n{_worker()}"
        return Response(script, 200, _HEADERS, "text/javascript")

    return routes


def _page(root: str) -> str:
    body = _BODY.format(
        title=html_of(_TITLE), retrying=html_of(_RETRYING), script=module_tag("retrying.js")
    )
    return plain_page("<title>ComfyForms</title>", body, root)


@cache
def _worker() -> str:
    return Path(__file__).with_name("service_worker.js").read_text(encoding="utf-8")
