"""Headers that limit what a page of the app can load, and who can show it."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Whatever markup a workflow or a server may bring: it asks nobody but this app for anything.
# Gradio's page needs inline scripts and `eval`. Another site that shows the page in a frame could
# make people click in it.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_HUGGING_FACE = (
    "https://huggingface.co"  # shows a Space in a frame; below hf.space are anybody's own pages
)


class SecurityHeadersMiddleware:
    """ASGI middleware: pages load nothing from elsewhere, are shown in no other site's frame,
    and do not tell other sites their address."""

    def __init__(self, app: ASGIApp, *, on_a_space: bool) -> None:
        self.app = app
        self.policy = f"{_POLICY} {_HUGGING_FACE}" if on_a_space else _POLICY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, adding the headers to the head of each answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("x-content-type-options", "nosniff")
                headers.setdefault("referrer-policy", "same-origin")
                if "text/html" in headers.get("content-type", ""):
                    headers["content-security-policy"] = self.policy
            await send(message)

        await self.app(scope, receive, send_with_headers)
