"""The API as a separate app, mounted at `ui.web.responses.API`.

Page for reading and trying the API. It loads only the app's own files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from threading import Condition
from types import MappingProxyType
from typing import Any

from cachetools import Cache, cached
from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response

from ui.accounts.pages.sign_in import SignInPage
from ui.administration.desk import Administration
from ui.api.admin import admin_api
from ui.api.batches.routes import batches_api
from ui.api.bodies import PARTS
from ui.api.chains import chains_api, run_chains_api
from ui.api.form_editor import form_editor_api
from ui.api.health import health_api
from ui.api.history import history_api
from ui.api.links import links_api, run_files_api
from ui.api.models import model_picker_api, models_api
from ui.api.opening import opening_api
from ui.api.presets import presets_api
from ui.api.problems import DOCUMENT, PROBLEM, answer_problems
from ui.api.requests import Requests
from ui.api.runs import runs_api
from ui.api.start import start_api
from ui.api.streams import streams_api
from ui.api.templates import templates_api
from ui.api.uploads import uploads_api
from ui.api.workflows import workflows_api
from ui.parts import Parts
from ui.sockets.run_socket import WaitingSockets
from ui.web.access import Access, Gate, GuardedRoutes, LateRoute
from ui.web.identity import Identity
from ui.web.responses import API, AsciiJSON, wants_page
from ui.web.security_headers import strict_policy
from ui.web.shares import FairSlots

_SCRIPT, _STYLE = "swagger-ui-bundle.js", "swagger-ui.css"
_TYPES: Mapping[str, str] = MappingProxyType({_SCRIPT: "text/javascript", _STYLE: "text/css"})
_SETUP = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});"""
# The page's relative URLs work below any path.
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="docs/{_STYLE}">
<link rel="icon" href="../../favicon.ico">
<title>ComfyForms API</title>
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/{_SCRIPT}"></script>
<script>{_SETUP}</script>
</body>
</html>
"""
_POLICY = {"content-security-policy": strict_policy([_SETUP])}
_DAY = {"cache-control": "private, max-age=86400"}
_ABOUT = """\
Run ComfyUI workflows from programs. A run continues until it ends, is stopped or is deleted, even
if the client disconnects. Get its URL for its state, or follow its events. Its files are kept as
long as the files of runs from the page.

Clients of Gradio use [other endpoints](../../#gradio-api).
"""
_TOKEN = MappingProxyType(
    {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token from the page /account, if sign-in is on.",
    }
)
# The empty entry is for requests with a browser's cookie, or without any sign-in.
_SECURITY: tuple[dict[str, tuple[()]], ...] = ({"token": ()}, {})


def _docs_api(identity: Identity, sign_in: SignInPage) -> GuardedRoutes:
    """Return `GET /docs`, and the page's two files below it."""
    routes = GuardedRoutes(include_in_schema=False)
    folder = Path(str(files("fastapi_offline"))) / "static"

    @routes.get("/docs", Access.SIGN_IN_PAGE, is_constant=True)
    async def page(request: Request) -> HTMLResponse:
        """Return a page that lists every route and lets you try it."""
        if identity.owner(request) is None and wants_page(request):
            return sign_in(request, status=401)
        await identity.reader(request)
        return HTMLResponse(_PAGE, headers=_POLICY)

    @routes.get("/docs/{name}", Access.FILE, is_constant=True)
    async def file(name: str) -> FileResponse:
        """Return a script or style sheet of the page."""
        if name not in _TYPES:
            raise HTTPException(404)
        return FileResponse(folder / name, media_type=_TYPES[name], headers=_DAY)

    return routes


def api_app(  # noqa: PLR0913 - a part of `build_app`
    desk: Administration,
    gate: Gate,
    operates: Callable[[HTTPConnection], bool],
    sign_in: SignInPage,
    waiting: WaitingSockets,
    of_plugins: Iterable[GuardedRoutes],
    root: str,
) -> FastAPI:
    """Return the API's app. `operates`: whether the caller is an administrator. `of_plugins`: their
    routes. `root`: the path of the whole app below its host."""
    services, identity = desk.services, gate.identity
    limits = services.limits
    api = FastAPI(
        title="ComfyForms",
        description=_ABOUT,
        version="1",
        default_response_class=AsciiJSON,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,  # its handler's name
        redirect_slashes=False,  # a redirect would drop the prefix from the URL
        responses=DOCUMENT,
    )
    answer_problems(api, gate.allowed)
    add = partial(gate.add, api, mounted_at=API)
    parts = Parts(services)
    runs, results = parts.run_docs(root), parts.results
    requests = Requests(parts.bodies, services.runs.history)
    add(health_api(services.reports, services.runs, operates))
    add(start_api(parts.run_start, runs, requests, waiting))
    add(history_api(runs, services.starter.payment.limits))
    add(runs_api(runs, services.starter, parts.deletion))
    add(streams_api(runs, results))
    add(run_files_api(services.library, services.copies, runs))
    add(links_api(services.copies, identity, runs))
    add(form_editor_api(services.editor, services.library, services.copies, identity))
    add(opening_api(runs, services.editor, services.removal, services.templates))
    add(models_api(desk, operates))
    add(model_picker_api(services.model_files, services.library, services.runs.history, root))
    add(workflows_api(services.library, services.runs.history, root))
    add(templates_api(services, root))
    add(presets_api(services.runs, services.library, services.copies))
    turns = FairSlots(limits.person_working, limits.address_working)
    add(batches_api(parts.batch_start, runs, results, requests, turns))
    add(chains_api(parts.chain_start, runs, requests))
    add(run_chains_api(runs, services.folder, services.removal))
    add(uploads_api(requests))
    for routes in (*admin_api(desk), *of_plugins):
        add(routes)
    add(_docs_api(identity, sign_in))
    add(_openapi_document(api, root))
    return api


def _openapi_document(api: FastAPI, root: str) -> GuardedRoutes:
    """Return `GET /openapi.json`."""
    routes = GuardedRoutes(include_in_schema=False)

    @cached(Cache[Any, bytes](1), condition=Condition())
    def document() -> bytes:  # takes a second or more
        built = [route.built for route in api.routes if isinstance(route, LateRoute)]
        schema = get_openapi(
            title=api.title, version=api.version, description=api.description, routes=built
        )
        schemas = schema["components"]["schemas"] | {"Problem": PROBLEM, **PARTS}
        parts = {"schemas": schemas, "securitySchemes": {"token": dict(_TOKEN)}}
        more = {"servers": [{"url": f"{root}{API}"}], "security": _SECURITY, "components": parts}
        return json.dumps(schema | more).encode()

    @routes.get("/openapi.json", Access.SIGNED_IN)
    def openapi() -> Response:
        """Return the OpenAPI document."""
        return Response(document(), media_type="application/json")

    return routes
