"""What a browser shows where it cannot reach the app: a page that the app's worker has with it, and
which goes away by itself. Nothing else is kept in the browser."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from comfy.messages import message
from ui.languages.current import html_of
from ui.page.plain.layout import plain_page
from ui.web.gradio_internals import root_address

_PATH = "/service_worker.js"  # at the root: it is asked about pages below its own address only
_HERE = Path(__file__).parent
_HEADERS = {"cache-control": "no-cache"}
_TITLE = message("ComfyForms can't be reached")
_RETRYING = message("Retrying…")
_BODY = """<main class="card" role="status">
<h1>{title}</h1>
<p>{retrying}</p>
</main>
<script type="module">{script}</script>"""


def offline_routes(root_path: str) -> APIRouter:
    """`GET /service_worker.js`, read by anybody. `root_path` as the web server was told."""
    router = APIRouter()

    @router.get(_PATH)
    def worker(request: Request) -> Response:
        """The worker, with the page in it."""
        script = f"const PAGE = {json.dumps(_page(root_address(request, _PATH, root_path)))};\n"
        return Response(script + _text("service_worker.js"), 200, _HEADERS, "text/javascript")

    return router


def _page(root: str) -> str:
    body = _BODY.format(
        title=html_of(_TITLE), retrying=html_of(_RETRYING), script=_text("retrying.js")
    )
    return plain_page("<title>ComfyForms</title>", body, root)


@cache
def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
