"""The path `/mcp`: the server from the `mcp` package, behind the app's access checks."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from comfy.base.version import app_version
from ui.doors.mcp.calls import ToolCalls
from ui.doors.mcp.sessions import OpenSessions
from ui.gradio.allowlist import replay
from ui.web.body_limits import BUSY, body_done
from ui.web.json_bodies import read_object
from ui.web.limits import WebLimits
from ui.web.responses import Problem
from ui.web.shares import FairSlots, Share, caller_of

_ABOUT = """\
Each tool runs a ComfyUI workflow, which takes seconds to minutes. Omitted arguments keep the \
author's value; omitted seeds are random. The last text of a result is JSON with the run's id and \
its files. To use such a file as an argument of a later call, pass {"run": "<id>", "file": 0}. \
Pass other files as {"base64": "…", "name": "a.png"}."""


class McpEndpoint:
    """ASGI app for a single path."""

    def __init__(self, calls: ToolCalls, limits: WebLimits) -> None:
        server = Server(
            "comfyforms",
            version=app_version(),
            title="ComfyForms",
            instructions=_ABOUT,
            on_list_tools=calls.list,
            on_call_tool=calls.call,
        )
        self._identity = calls.identity
        self._limits = limits
        # Room for the bodies of waiting calls. The package keeps each body until its answer.
        self._bodies = Share(
            limits.call_bodies, limits.person_call_bodies, limits.address_call_bodies
        )
        self._opening = FairSlots(limits.person_working, limits.address_working)
        # Host and Origin were checked before, and the package doesn't know all allowed hosts.
        # `OpenSessions` limits the sessions: at its own limit, the package would refuse every
        # user's next session.
        self._sessions = StreamableHTTPSessionManager(
            server, max_request_body_size=limits.body, max_sessions=None
        )
        self._open = OpenSessions(limits.pages, limits.address_pages, self._sessions.handle_request)

    def serving(self) -> AbstractAsyncContextManager[None]:
        """Return a context in which requests are answered. Open calls end with it."""
        return self._sessions.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. Raises HTTPException without a user, and for another site's page."""
        owner = await self._identity.caller(Request(scope))
        if scope["method"] not in ("POST", "DELETE"):  # the server only sends answers
            await Response(status_code=405, headers={"allow": "POST, DELETE"})(scope, receive, send)
        else:
            # A session belongs to the user who opened it.
            user = AuthenticatedUser(AccessToken(token="", client_id=owner, scopes=[]))
            await self._answer({**scope, "user": user}, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request's body against the limits and pass it on, because the package reads it
        without limits of its own."""
        body = await Request(scope, receive).body() if scope["method"] == "POST" else b""
        caller, size = caller_of(scope, self._identity), len(body)
        read = await asyncio.to_thread(read_object, body or b"{}", self._limits)
        if isinstance(read, str):
            await Problem(422, read).answer()(scope, receive, send)
            return
        opens = read.get("method") == "initialize"  # only this creates a session
        del read
        if not self._bodies.take(caller, size):
            await Problem(503, BUSY).answer()(scope, receive, send)
            return
        brought = replay(body, receive)
        del body
        body_done(scope)
        try:
            if opens:
                async with self._opening.turn(caller):
                    await self._open.begin(caller.address, scope, brought, send)
            else:
                await self._open.use(scope, brought, send)
        finally:
            self._bodies.give_back(caller, size)
