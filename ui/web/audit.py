"""Middleware that writes requests to the audit log: downloads, shared results and publications."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comfy.records.audit import AuditAction
from ui.web.identity import Identity


class Audit(Enum):
    """Requests for the audit log. FILE: of a result, which a page may only show."""

    PUBLISH = "publish"
    SHARE = "share"
    DELETE = "delete"
    DOWNLOAD = "download"
    FILE = "file"

    @property
    def action(self) -> AuditAction:
        return "download" if self is Audit.FILE else self.value


class AuditMiddleware:
    """ASGI middleware that notes each successful request of a declared kind before its response
    begins. `audit_of`: returns the kind; `note`: gets the owner, the action, and the request's
    method and path."""

    def __init__(
        self,
        app: ASGIApp,
        identity: Identity,
        audit_of: Callable[[Scope], Audit | None],
        note: Callable[[str, AuditAction, str], None],
    ) -> None:
        self.app = app
        self.identity = identity
        self.audit_of = audit_of
        self.note = note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request."""
        audit = self.audit_of(scope) if scope["type"] == "http" else None
        if audit is None or (audit is Audit.FILE and is_shown(Headers(scope=scope))):
            await self.app(scope, receive, send)
            return

        async def send_noted(event: Message) -> None:
            if event["type"] == "http.response.start" and event["status"] < 300:
                owner = self.identity.owner(HTTPConnection(scope)) or ""
                query = unquote(scope["query_string"].decode("latin-1"))
                what = f"{scope['method']} {scope['path']}{'?' if query else ''}{query}"
                await asyncio.to_thread(self.note, owner, audit.action, what)
            await send(event)

        await self.app(scope, receive, send_noted)


def is_shown(headers: Headers) -> bool:
    """Return whether a page loads a file to show it, or a client asks for a later part of it. A
    saved file is a navigation, and programs send no such header."""
    part = headers.get("range", "bytes=0-")
    return headers.get("sec-fetch-mode", "navigate") != "navigate" or "=0-" not in part
