"""No request may bring more than it should: what counts is what really arrives, not what its head says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comfy.media_kinds import MIB
from ui.limits import WebLimits

BUSY = "The app is busy with large requests. Try again in a moment."
LATE = "The request took too long to arrive. Try again."


class BoundBodies:
    """ASGI middleware: refuses a body that is larger than its path may have or takes too long, and too much at once.

    `largest`: bytes by path, where they are not those of `limits.body`.
    """

    def __init__(self, app: ASGIApp, limits: WebLimits, largest: Mapping[str, int]) -> None:
        self.app = app
        self.limits = limits
        self.largest = largest
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting. A body that is too large ends in the app's own answer to an HTTPException."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = self.largest.get(scope["path"], self.limits.body)
        claimed = Headers(scope=scope).get("content-length", "0")
        if claimed.isdecimal() and int(claimed[:20]) > most:
            await JSONResponse({"detail": too_large(most)}, 413)(scope, receive, send)
            return
        end: float | None = asyncio.get_running_loop().time() + self.limits.body_seconds
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived, end
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, LATE) from None
            if not message.get("more_body"):
                end = None  # what comes now is that the browser leaves
            size = len(message.get("body", b""))
            arrived += size
            self._held += size
            if arrived > most:
                raise HTTPException(413, too_large(most))
            if self._held > self.limits.arriving:
                raise HTTPException(503, BUSY)
            return message

        try:
            await self.app(scope, counted, send)
        finally:
            self._held -= arrived


def too_large(most: int) -> str:
    """The sentence for a body larger than `most` bytes."""
    return f"This is more than the app takes at once: {most // MIB} MB."
