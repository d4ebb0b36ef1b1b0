"""What every page of the app tells the browser beside itself."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Whatever markup a workflow or a server may bring: it asks nobody but this app for anything. Gradio's page needs inline
# scripts and `eval`. Other sites may show the page in a frame, as Hugging Face does.
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'"
)


class PageHeaders:
    """ASGI middleware: pages load nothing from elsewhere, and tell nobody where they were."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

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
                    headers["content-security-policy"] = POLICY
            await send(message)

        await self.app(scope, receive, send_with_headers)
