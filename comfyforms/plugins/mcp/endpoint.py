"""The path `/mcp`: the server from the `mcp` package, behind the app's access checks.

The package's releases 1 and 2 both work: Gradio allows only the first beside it.

It limits assistants' sessions. A new one replaces an idle one instead of being refused."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, OrderedDict
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

from mcp import types
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared import exceptions
from starlette.authentication import BaseUser
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comfy.base.errors import ComfyError
from comfy.base.messages import sentences
from comfy.base.version import app_version
from comfyforms.hooks import AppParts, PluginApp
from comfyforms.plugins.mcp.calls import Answer, Call, ToolCalls
from comfyforms.plugins.mcp.settings import McpSettings
from ui.gradio.allowlist import replay
from ui.web.access import Access, GuardedRoutes
from ui.web.limits import BodyLimit, WebLimits, read_object
from ui.web.responses import Problem
from ui.web.shares import FairSlots, Room, caller_of, turn_done

_ID = "mcp-session-id"  # the header that names a session
_SMALL = 64 * 1024  # bytes of a message without the arguments of a tool
_TOO_LARGE = f"Only the arguments of a tool may have more than {_SMALL} bytes."
_ABOUT = """\
ComfyUI workflows as tools. A run takes seconds to minutes. Omitted arguments keep the author's \
value; omitted seeds are random. The last text of a result is JSON with the URIs of its files. \
Pass such a URI as an argument of a later call, or read it as a resource. Pass other files as \
data: URLs."""
_types: Any = types  # differ between the releases
_kind: Any = Server


@dataclass(slots=True)
class _Session:
    """An open session. `user`: the user who opened it, in the package's format. `busy`: the number
    of unanswered requests."""

    address: str
    user: BaseUser
    busy: int = 0


class OpenSessions:
    """Limiter of open sessions: `most` in total, and `most_of_address` per address.

    A session above the limit per address ends that address's longest idle one. At the total limit,
    the address with the most sessions loses its longest idle one. A session with a request in
    progress never ends this way. `handle`: the package's ASGI app. Not thread-safe: for the event
    loop.
    """

    def __init__(self, most: int, most_of_address: int, handle: ASGIApp) -> None:
        self._most = most
        self._most_of_address = most_of_address
        self._handle = handle
        self._sessions: OrderedDict[str, _Session] = OrderedDict()  # longest idle first

    async def begin(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that opens a session, then end excess sessions."""

        async def noting(event: Message) -> None:
            if event["type"] == "http.response.start" and event["status"] < 400:
                session_id = Headers(raw=event["headers"]).get(_ID, "")
                if session_id:
                    self._sessions.setdefault(session_id, _Session(address, scope["user"]))
            await send(event)

        await self._handle(scope, receive, noting)
        while surplus := self._surplus(address):
            await self._end(surplus)

    async def use(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer any other request. The session that it belongs to becomes the last to be ended."""
        session_id = Headers(scope=scope).get(_ID, "")
        session = self._sessions.get(session_id)
        if session is None or session.user.display_name != scope["user"].display_name:
            await self._handle(scope, receive, send)
            return
        session.busy += 1
        status = 0

        async def noting(event: Message) -> None:
            nonlocal status
            status = event.get("status", status)
            await send(event)

        try:
            await self._handle(scope, receive, noting)
        finally:
            session.busy -= 1
            # 404: the package ended the session after half an hour.
            if status == 404 or scope["method"] == "DELETE":
                self._sessions.pop(session_id, None)
            elif session_id in self._sessions:
                self._sessions.move_to_end(session_id)

    def _surplus(self, address: str) -> str:
        """Return the id of a session to end; empty if there is room for all, or if no session is
        idle."""
        counts = Counter(one.address for one in self._sessions.values())
        if counts[address] > self._most_of_address:
            return self._longest_idle(address)
        if len(self._sessions) > self._most:
            return self._longest_idle(counts.most_common(1)[0][0])
        return ""

    def _longest_idle(self, address: str) -> str:
        idle = (
            name for name, one in self._sessions.items() if one.address == address and not one.busy
        )
        return next(idle, "")

    async def _end(self, session_id: str) -> None:
        """End a session as its own assistant would: with a DELETE request in its name."""
        session = self._sessions.pop(session_id)
        scope = {
            "type": "http",
            "method": "DELETE",
            "path": "/mcp",
            "query_string": b"",
            "headers": [(_ID.encode(), session_id.encode()), (b"accept", b"application/json")],
            "user": session.user,
        }
        await self._handle(scope, _nothing, _unheard)


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _unheard(_: Message) -> None:
    pass


def _server(calls: ToolCalls) -> Any:
    """Return the package's server. Its releases register handlers in different ways."""
    about = {"name": "comfyforms", "version": app_version(), "instructions": _ABOUT}
    answers = {
        "list_tools": calls.list_tools,
        "call_tool": calls.call_tool,
        "list_resources": calls.list_resources,
        "list_resource_templates": calls.list_resource_templates,
        "read_resource": calls.read_resource,
    }
    kinds = {name: name.title().replace("_", "") for name in answers}
    results = {name: getattr(_types, f"{kind}Result") for name, kind in kinds.items()}
    if not hasattr(_kind, "request_context"):
        handlers = {
            f"on_{name}": partial(_answer, answer, results[name])
            for name, answer in answers.items()
        }
        return _kind(**about, title="ComfyForms", **handlers)
    server = _kind(**about)
    for name, answer in answers.items():
        request = getattr(_types, f"{kinds[name]}Request")
        handler = partial(_answer_first, server, answer, results[name])
        server.request_handlers[request] = handler
    return server


async def _answer(answer: Answer, result: Any, context: Any, params: Any) -> Any:
    """Answer a request in release 2."""

    async def report(done: float, said: str) -> None:
        await context.session.report_progress(done, 1.0, said)

    try:
        told = await answer(Call(context.request, report), _given(params))
    except ComfyError as problem:
        said = sentences(str(problem), problem.hint)
        raise exceptions.MCPError(types.INTERNAL_ERROR, said) from problem
    return result.model_validate(told)


async def _answer_first(server: Any, answer: Answer, result: Any, request: Any) -> Any:
    """Answer a request in release 1, which itself sends the texts of errors."""
    context = server.request_context
    token = context.meta.progressToken if context.meta else None

    async def report(done: float, said: str) -> None:
        if token is not None:
            at = str(context.request_id)
            await context.session.send_progress_notification(token, done, 1.0, said, at)

    told = await answer(Call(context.request, report), _given(request.params))
    return _types.ServerResult(result.model_validate(told))


def _read(body: bytes, limits: WebLimits) -> dict[str, Any] | str:
    """Return a message, or why it is refused. The package's errors repeat what it can't use, which
    would hold the event loop for a second, so a large message has to be a right call."""
    read = read_object(body or b"{}", limits)
    if isinstance(read, str) or len(body) <= _SMALL:
        return read
    match read:
        case {
            "jsonrpc": "2.0",
            "id": call,
            "method": "tools/call",
            "params": {"name": str() as name, "arguments": dict(), **about},
            **rest,
        } if type(call) in (int, str) and len(json.dumps([call, name, about, rest])) <= _SMALL:
            return read
        case _:
            return _TOO_LARGE


def _given(params: Any) -> dict[str, Any]:
    return params.model_dump(mode="json") if params else {}


class McpEndpoint:
    """ASGI app for a single path."""

    def __init__(self, calls: ToolCalls, limits: WebLimits) -> None:
        self._identity = calls.identity
        self._limits = limits
        self._opening = FairSlots(limits.person_working, limits.address_working)
        # Host and Origin were checked before, and the package doesn't know all allowed hosts.
        # `OpenSessions` limits the sessions: at its own limit, the package would refuse every
        # user's next session.
        self._sessions = StreamableHTTPSessionManager(
            _server(calls), max_request_body_size=limits.body, max_sessions=None
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
        without limits of its own. It keeps the body until its answer."""
        body = await Request(scope, receive).body() if scope["method"] == "POST" else b""
        await self._identity.caller(Request(scope))  # again: the right may have ended meanwhile
        caller = caller_of(scope, self._identity)
        read = await asyncio.to_thread(_read, body, self._limits)
        if isinstance(read, str):
            await Problem(422, read).answer()(scope, receive, send)
            return
        opens = read.get("method") == "initialize"  # only this creates a session
        del read
        await turn_done(Request(scope))
        brought = replay(body, receive)
        if opens:
            async with self._opening.turn(caller):
                await self._open.begin(caller.address, scope, brought, send)
        else:
            await self._open.use(scope, brought, send)


def mcp_parts(app: PluginApp, path: str) -> AppParts:
    """Return the route at this path, and the context in which it answers."""
    parts = app.parts
    settings = app.own_settings(McpSettings)
    calls = ToolCalls(
        app.identity,
        parts.run_docs(app.settings.root_path),
        parts.run_start,
        parts.chain_start,
        parts.results,
        settings.mcp_fields,
        app.settings.root_path,
    )
    endpoint = McpEndpoint(calls, app.services.limits)
    routes = GuardedRoutes()
    large = {"body": BodyLimit.CALL, "room": Room.CALLS}
    routes.plain(path, endpoint, Access.SIGNED_IN, "GET", "POST", "DELETE", **large)
    return AppParts([routes], endpoint.serving)
