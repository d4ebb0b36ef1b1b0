"""What every page of the app tells the browser beside itself."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Whatever markup a workflow or a server may bring: it asks nobody but this app for anything. Gradio's page needs inline
# scripts and `eval`. Another site that shows the page in a frame could make people click in it.
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
HUGGING_FACE = "https://huggingface.co"  # shows a Space in a frame; below hf.space are anybody's own pages


class PageHeaders:
    """ASGI middleware: pages load nothing from elsewhere, stand in nobody's frame, and tell nobody where they were."""

    def __init__(self, app: ASGIApp, *, on_a_space: bool) -> None:
        self.app = app
        self.policy = f"{POLICY} {HUGGING_FACE}" if on_a_space else POLICY

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
