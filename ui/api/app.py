"""The API as a separate app, mounted at `ui.web.responses.API`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any

from fastapi import Depends, FastAPI
from starlette.requests import HTTPConnection
from starlette.responses import Response

from ui.accounts.pages.sign_in import SignInPage
from ui.administration.desk import Administration
from ui.api.admin.routes import admin_api
from ui.api.batches.routes import batches_api
from ui.api.chains import chains_api, run_chains_api
from ui.api.docs_page import docs_api
from ui.api.form_editor.routes import form_editor_api
from ui.api.health import health_api
from ui.api.history import history_api
from ui.api.links import links_api
from ui.api.models.picker import model_picker_api
from ui.api.models.routes import models_api
from ui.api.opening import opening_api
from ui.api.presets import presets_api
from ui.api.problems import DOCUMENT, answer_problems
from ui.api.requests import Requests
from ui.api.run_files import run_files_api
from ui.api.runs import runs_api
from ui.api.start import start_api
from ui.api.streams import streams_api
from ui.api.templates.routes import templates_api
from ui.api.uploads import uploads_api
from ui.api.workflows import workflows_api
from ui.parts import Parts
from ui.sockets.run_socket import WaitingSockets
from ui.web.access import Access, Gate, GuardedRoutes
from ui.web.json_bodies import judge_json
from ui.web.responses import API, AsciiJSON
from ui.web.shares import FairSlots, Work

_ABOUT = """\
Run ComfyUI workflows from programs. A run continues until it ends, is stopped or is deleted, even
if the client disconnects. Get its URL for its state, or follow its events. Its files are kept as
long as those of runs from the page.

Clients of Gradio use [other endpoints](../../#gradio-api). AI assistants use the MCP server at
`/mcp`.
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


def api_app(
    desk: Administration,
    gate: Gate,
    operates: Callable[[HTTPConnection], bool],
    sign_in: SignInPage,
    waiting: WaitingSockets,
    root: str = "",
) -> FastAPI:
    """Return the API's app. `operates`: whether the caller is an administrator. `root`: the path of
    the whole app below its host."""
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
        dependencies=[Depends(judge_json)],
        redirect_slashes=False,  # a redirect would drop the prefix from the URL
        responses=DOCUMENT,
    )
    answer_problems(api)
    add = partial(gate.add, api, mounted_at=API)
    parts = Parts(services)
    runs, results = parts.run_docs(root), parts.results
    requests = Requests.of(parts.bodies(identity), services.runs.history, services.waiting)
    add(health_api(services.reports, services.runs, identity, operates))
    add(start_api(parts.run_start, runs, requests, waiting))
    add(history_api(runs, identity))
    add(runs_api(runs, services.starter, parts.deletion, identity))
    add(streams_api(runs, results, services.waiting, identity))
    add(run_files_api(services.library, services.copies, identity, runs))
    add(links_api(services.copies, identity, runs))
    add(form_editor_api(services.editor, services.library, services.copies, identity))
    add(opening_api(runs, services.editor, services.removal, identity))
    add(models_api(desk, operates))
    add(model_picker_api(services.model_files, services.library, identity, root))
    add(workflows_api(services.library, services.runs.history, identity, root))
    add(templates_api(services, identity, root))
    add(presets_api(services.runs, services.library, services.copies, identity))
    turns = FairSlots(limits.person_working, limits.address_working)
    add(batches_api(parts.batch_start, runs, results, requests, turns))
    add(chains_api(parts.chain_start, runs, requests))
    add(run_chains_api(runs, services.folder, services.removal, identity))
    add(uploads_api(requests))
    for routes in admin_api(desk):
        add(routes)
    add(docs_api(identity, sign_in))

    document = GuardedRoutes(include_in_schema=False)

    @document.get("/openapi.json", Access.SIGNED_IN, work=Work.PROCESSOR)
    async def openapi(_: str = Depends(identity.caller)) -> Response:
        """Return the OpenAPI document."""
        schema: dict[str, Any] = api.openapi()
        parts = schema["components"] | {"securitySchemes": {"token": dict(_TOKEN)}}
        more = {"servers": [{"url": f"{root}{API}"}], "security": _SECURITY, "components": parts}
        return AsciiJSON(schema | more)

    add(document)
    return api
