"""Tokens where programs can carry them: in the path, the query, or the header X-API-Key."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.accounts.login import PROGRAMS, TOKEN_PREFIX
from ui.web.identity import Identity
from ui.web.urls import ENDPOINTS

PREFIX = "/as"
_IN_PATH = re.compile(rf"(?:{ENDPOINTS})?{PREFIX}/([^/]*)(?:/+|$)")
_IN_QUERY = b"token="
_HEADER = "x-api-key"
_REPLACED = (b"authorization", b"cookie", _HEADER.encode())


class CarriedTokens:
    """ASGI middleware that accepts tokens of the scope *programs* outside `Authorization`.

    It passes them on as the password of a request, so the check of the origin still holds: a
    browser sends a path and a query for any site's page. What comes next, and so each log and
    answer, doesn't see the token in the address. Other tokens don't count there.
    """

    def __init__(self, app: ASGIApp, identity: Identity) -> None:
        self.app = app
        self.identity = identity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward everything, with the token in its usual place."""
        login = self.identity.login
        if scope["type"] not in ("http", "websocket") or login is None:
            await self.app(scope, receive, send)
            return
        bare, token = _without_token(scope)
        who = login.by_token(token) if token else None
        if who is None or PROGRAMS not in who.scope.split():
            if bare["path"] != scope["path"]:
                bare = {**bare, "path": PREFIX, "raw_path": PREFIX.encode()}  # an unknown path
            await self._next(bare)(bare, receive, send)
            return

        async def send_without_traces(event: Message) -> None:
            if event["type"] == "http.response.start":
                headers = MutableHeaders(scope=event)
                headers["referrer-policy"] = "no-referrer"
                del headers["set-cookie"]
            await send(event)

        root = scope.get("root_path", "")
        if bare["path"] != scope["path"]:
            root += f"{PREFIX}/{token}"
        sent = {**_with_password(bare, token), "root_path": root}
        await self._next(sent)(sent, receive, send_without_traces)

    def _next(self, scope: Scope) -> ASGIApp:
        """Return what answers a request. Programs ask for ComfyUI's page to see if it is there, and
        a token for programs opens no page."""
        asks = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        is_program = asks and scope["path"] == "/"
        if is_program and self.identity.is_out_of_scope(HTTPConnection(scope)):
            return PlainTextResponse("This address is for a program, in place of ComfyUI's.")
        return self.app


def _without_token(scope: Scope) -> tuple[Scope, str]:
    """Return the request without the token in its address, and the token that it carries, "" for
    none."""
    token, path = "", scope["path"]
    if found := _IN_PATH.match(path):
        token, path = found[1], f"/{path[found.end() :]}"
        scope = {**scope, "path": path, "raw_path": quote(path).encode()}
    parts = scope["query_string"].split(b"&")
    ours = _IN_QUERY + TOKEN_PREFIX.encode()
    if carried := [one for one in parts if one.startswith(ours)]:
        token = token or carried[0].removeprefix(_IN_QUERY).decode("latin-1")
        rest = b"&".join(one for one in parts if one not in carried)
        scope = {**scope, "query_string": rest}
    return scope, token or Headers(scope=scope).get(_HEADER, "")


def _with_password(scope: Scope, token: str) -> Scope:
    password = b"Basic " + base64.b64encode(f"program:{token}".encode())
    rest = [(name, value) for name, value in scope["headers"] if name not in _REPLACED]
    return {**scope, "headers": [*rest, (b"authorization", password)]}
