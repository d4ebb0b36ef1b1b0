"""Routes below `/endpoints`, where Gradio's clients find an app with only named endpoints.

Calls go to the page's own Gradio through its allowlist, with all its checks.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from comfy.base.errors import ComfyError
from comfy.base.messages import sentences
from ui.api.named_workflows import named_forms
from ui.doors.endpoints.calls import ANSWERING
from ui.doors.endpoints.values import endpoint_of
from ui.gradio.allowlist import GradioAllowlist, replay
from ui.gradio.internals import (
    CALL,
    CONFIG,
    ENDINGS,
    INFO,
    JOIN,
    STREAM,
    NamedEndpoint,
    call_by_number,
    config_of,
    info_of,
    refusal,
    root_address,
)
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import NOBODY, Identity
from ui.web.json_bodies import read_object
from ui.web.limits import WebLimits
from ui.web.responses import AsciiJSON
from ui.web.shares import Work
from ui.web.urls import ENDPOINTS

_ANSWERED = f"{CALL}{ANSWERING}"


class EndpointRoutes:
    """Routes of the named endpoints. `root_path`: see the web server."""

    def __init__(
        self, library: WorkflowLibrary, limits: WebLimits, identity: Identity, root_path: str
    ) -> None:
        self._library = library
        self._limits = limits
        self._identity = identity
        self._root_path = root_path

    def routes(self) -> GuardedRoutes:
        """Return the routes. Uploads and results use the page's routes, below the same path."""
        routes = GuardedRoutes(ENDPOINTS)
        routes.plain(CONFIG, self._config, Access.SIGNED_IN, "GET", work=Work.CATALOG)
        routes.plain(INFO, self._info, Access.SIGNED_IN, "GET", work=Work.CATALOG)
        routes.plain(JOIN, self._join, Access.SIGNED_IN, "POST")
        ways = {f"{CALL}{{name}}": self._call, f"{CALL}v2/{{name}}": self._call_by_names}
        for path, call in ways.items():
            routes.plain(path, call, Access.SIGNED_IN, "POST")
            routes.plain(f"{path}/{{call}}", self._as_of_page, Access.OWNER, "GET")
        routes.plain(STREAM, self._as_of_page, Access.OWNER, "GET")
        for path in sorted(ENDINGS):
            routes.plain(path, self._as_of_page, Access.OWNER, "POST")
        return routes

    def _config(self, request: Request) -> Response:
        """Return the endpoints, with the numbers that calls use."""
        root = root_address(request, f"{ENDPOINTS}{CONFIG}", self._root_path) + ENDPOINTS
        try:
            config = config_of(
                _allowlist_of(request).gradio, ANSWERING, self._endpoints(request), root
            )
        except ComfyError as problem:
            return refusal(sentences(str(problem), problem.hint), 503)
        return AsciiJSON(config)

    def _info(self, request: Request) -> Response:
        """Return each endpoint's parameters."""
        try:
            info = info_of(self._endpoints(request))
        except ComfyError as problem:
            return refusal(sentences(str(problem), problem.hint), 503)
        return AsciiJSON(info)

    def _endpoints(self, request: Request) -> list[NamedEndpoint]:
        owner = self._identity.owner(request) or NOBODY
        return [endpoint_of(one) for one in named_forms(self._library, owner)]

    async def _join(self, request: Request) -> ASGIApp:
        """Handle a call that names its endpoint by number."""
        call = await self._read(request)
        if isinstance(call, str):
            return refusal(call, 422)
        body = call_by_number(_allowlist_of(request).gradio, ANSWERING, call)
        return _handed_on(request, JOIN, body)

    async def _call(self, request: Request) -> ASGIApp:
        """Handle a call by name, with all its values in order."""
        call = await self._read(request)
        if isinstance(call, str):
            return refusal(call, 422)
        return _handed_on(request, _ANSWERED, _named_call(request, call.get("data")))

    async def _call_by_names(self, request: Request) -> ASGIApp:
        """Handle a call by name, with its values by name."""
        call = await self._read(request)
        if isinstance(call, str):
            return refusal(call, 422)
        return _handed_on(request, _ANSWERED, _named_call(request, call))

    async def _read(self, request: Request) -> dict[str, Any] | str:
        body = await request.body()
        return await asyncio.to_thread(read_object, body, self._limits)

    async def _as_of_page(self, request: Request) -> ASGIApp:
        return _handed_on(request, request.scope["path"].removeprefix(ENDPOINTS))


def _allowlist_of(request: Request) -> GradioAllowlist:
    allowlist = request.app.state.allowlist
    assert isinstance(allowlist, GradioAllowlist)
    return allowlist


def _named_call(request: Request, values: object) -> dict[str, Any]:
    return {"data": [request.path_params["name"], values]}


def _handed_on(request: Request, path: str, call: object = None) -> ASGIApp:
    """Pass a call to the allowlist under another `path`."""
    allowlist = _allowlist_of(request)

    async def hand_on(scope: Scope, receive: Receive, send: Send) -> None:
        there = {**scope, "path": path, "raw_path": path.encode()}
        brought = replay(json.dumps(call).encode(), receive) if call is not None else receive
        await allowlist(there, brought, send)

    return hand_on
