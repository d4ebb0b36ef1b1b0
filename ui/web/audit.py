"""Middleware that writes requests to the audit log: downloads, shared results and publications."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comfy.records.audit import AuditAction
from ui.web.identity import NOBODY, Identity
from ui.web.shares import shared_address

# Requests for the audit log. "file": of a result, which a page may only show.
Audit = Literal["publish", "share", "delete", "download", "file"]
# Query parameters that name results. The log keeps no others, because they may be secrets.
_NAMING = frozenset({"file", "run", "filename", "subfolder", "type"})
# In a scope: the path to note, if the handler has renamed its object.
RENAMED = "comfyforms.renamed"


class AuditMiddleware:
    """ASGI middleware that notes each successful request of a declared kind before its response
    begins. `audit_of`: returns the kind; `note`: gets the owner, the action, the request's method
    and path, no guest, and the address of an owner without an account."""

    def __init__(
        self,
        app: ASGIApp,
        identity: Identity,
        audit_of: Callable[[Scope], Audit | None],
        note: Callable[[str, AuditAction, str, str, str], None],
    ) -> None:
        self.app = app
        self.identity = identity
        self.audit_of = audit_of
        self.note = note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request."""
        audit = self.audit_of(scope) if scope["type"] == "http" else None
        if audit is None or (audit == "file" and is_shown(Headers(scope=scope))):
            await self.app(scope, receive, send)
            return
        action: AuditAction = "download" if audit == "file" else audit

        async def send_noted(event: Message) -> None:
            if event["type"] == "http.response.start" and event["status"] < 300:
                owner = self.identity.owner(HTTPConnection(scope)) or ""
                given = scope["query_string"].decode("latin-1").split("&")
                query = unquote("&".join(one for one in given if one.partition("=")[0] in _NAMING))
                path = scope.get(RENAMED, scope["path"])
                what = f"{scope['method']} {path}{'?' if query else ''}{query}"
                address = shared_address(owner or NOBODY, scope)
                await asyncio.to_thread(self.note, owner, action, what, "", address)
            await send(event)

        await self.app(scope, receive, send_noted)


def is_shown(headers: Headers) -> bool:
    """Return whether a page loads a file to show it, or a client asks for a later part of it.

    A saved file is a navigation. Browsers send `Sec-Fetch-Mode` only to secure origins."""
    is_browser = "mozilla/" in headers.get("user-agent", "").lower()
    accepts_pages = "text/html" in headers.get("accept", "")
    loads = "no-cors" if is_browser and not accepts_pages else "navigate"
    is_part = "=0-" not in headers.get("range", "bytes=0-")
    return is_part or headers.get("sec-fetch-mode", loads) != "navigate"
