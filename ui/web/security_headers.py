"""Headers that limit what a page can load, who can frame it, and who may store a response."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.gradio.internals import CONFIG, FILES_OF_PAGE, PAGE

# Gradio's page needs inline scripts and `eval`. Even there, markup from a workflow or a server
# can't load anything from other sites.
_GRADIO_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'"
)
# Default for responses without a rule of their own: neither caches nor browsers store them.
_NOT_KEPT = "private, no-store"
_YEAR = "max-age=31536000"
_SAME_FOR_ALL = PAGE - {"/", CONFIG}


def strict_policy(scripts: Iterable[str] = (), styles: Iterable[str] = ()) -> str:
    """Return the policy of a page without Gradio. It allows only these inline scripts and style
    sheets, and no style attributes or handlers."""
    return (
        "default-src 'none'; "
        f"script-src {_sources(scripts)}; style-src {_sources(styles)}; "
        "img-src 'self' data: blob:; media-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; worker-src 'self'; font-src 'self'; "
        "base-uri 'self'; form-action 'self'"  # `base` leads to the app's path below a proxy
    )


def with_gradio_policy(send: Send) -> Send:
    """Return a `send` that gives Gradio's page its own policy."""

    async def send_with_policy(event: Message) -> None:
        if event["type"] == "http.response.start":
            MutableHeaders(scope=event)["content-security-policy"] = _GRADIO_POLICY
        await send(event)

    return send_with_policy


def _sources(texts: Iterable[str]) -> str:
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    hashes = (f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return " ".join(("'self'", *hashes))


class SecurityHeadersMiddleware:
    """ASGI middleware that adds the headers that every response has. A page may have a policy of
    its own, otherwise it gets the strict one. Only the sites in `framed_by` can show it in a frame,
    where others could trick users into clicking."""

    def __init__(self, app: ASGIApp, *, framed_by: Iterable[str]) -> None:
        self.app = app
        self.frames = " ".join(("frame-ancestors 'self'", *framed_by))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward everything, and add the headers to the head of each response."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(event: Message) -> None:
            if event["type"] == "http.response.start":
                headers = MutableHeaders(scope=event)
                headers.setdefault("x-content-type-options", "nosniff")
                headers.setdefault("referrer-policy", "same-origin")
                if not (_is_same_for_all(scope["path"]) and event["status"] < 400):
                    headers.setdefault("cache-control", _NOT_KEPT)
                if "text/html" in headers.get("content-type", ""):
                    policy = headers.get("content-security-policy") or strict_policy()
                    headers["content-security-policy"] = f"{policy}; {self.frames}"
            await send(event)

        await self.app(scope, receive, send_with_headers)


def _is_same_for_all(path: str) -> bool:
    """Return whether this is one of Gradio's files, which browsers may cache."""
    return path in _SAME_FOR_ALL or path.startswith(FILES_OF_PAGE)


class StrictTransportMiddleware:
    """ASGI middleware for requests that arrived over TLS, according to the trusted proxy. It makes
    browsers use TLS from then on."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward everything, and add the header if the scheme is https."""
        if scope["type"] != "http" or scope["scheme"] != "https":
            await self.app(scope, receive, send)
            return

        async def send_with_header(event: Message) -> None:
            if event["type"] == "http.response.start":
                MutableHeaders(scope=event)["strict-transport-security"] = _YEAR
            await send(event)

        await self.app(scope, receive, send_with_header)
