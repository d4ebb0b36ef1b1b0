"""No request may bring more than it should: what counts is what really arrives, not what its head
says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comfy.media.checks import MIB
from comfy.messages import message, plural
from ui.web.failures import refusal_for
from ui.web.identity import Identity
from ui.web.limits import ENVELOPE, WebLimits
from ui.web.responses import API
from ui.web.shares import Caller, Share, caller_of

BUSY = message("The app is busy with large requests. Try again in a moment.")
_LATE = message("The request took too long to arrive. Try again.")


class BodyLimitMiddleware:
    """ASGI middleware: refuses a body that is larger than its path may have or comes too slowly,
    and too much at once.

    `largest`: bytes by path, where they are not those of `limits.page_body`. What programs send
    may be a file anywhere.
    """

    def __init__(
        self, app: ASGIApp, identity: Identity, limits: WebLimits, largest: Mapping[str, int]
    ) -> None:
        self.app = app
        self.identity = identity
        self.limits = limits
        self.largest = largest
        self.arriving = Share(limits.arriving, limits.person_arriving, limits.address_arriving)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting. A body that is too large ends in the app's own answer to
        an HTTPException."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = self._most(scope["path"].rstrip("/"))
        claimed = Headers(scope=scope).get("content-length", "0")
        if claimed.isdecimal() and int(claimed[:20]) > most:
            await refusal_for(scope, too_large(most), 413)(scope, receive, send)
            return
        caller = caller_of(scope, self.identity)
        pace = LeastSpeed(self.limits)
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            message = await pace.next(receive)
            size = len(message.get("body", b""))
            if arrived + size > most:
                raise HTTPException(413, too_large(most))
            if not self.arriving.take(caller, size):
                raise HTTPException(503, BUSY)
            arrived += size
            return message

        try:
            await self.app(scope, counted, send)
        finally:
            self.arriving.give_back(caller, arrived)

    def _most(self, path: str) -> int:
        if path.startswith(f"{API}/"):
            return self.limits.file.size + ENVELOPE
        return self.largest.get(path, self.limits.page_body)


class LeastSpeed:
    """How long the next piece of a body may take. Only the time that is spent waiting for it
    counts, not ours.

    A body may be silent for `patience` seconds when it begins; what arrives at `least_speed` or
    faster never runs out of time, and nothing saves up more than `pause` seconds.
    """

    def __init__(self, limits: WebLimits) -> None:
        self.limits = limits
        self.left: float | None = limits.patience

    async def next(self, receive: Receive) -> Message:
        """The next message of a request; HTTPException 408 if it does not come in time."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.left):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, _LATE) from None
        if not message.get("more_body"):
            self.left = None  # what comes now is that the browser leaves
        elif self.left is not None:
            waited, gained = (
                time.monotonic() - began,
                len(message["body"]) / self.limits.least_speed,
            )
            self.left = min(
                self.left - waited + gained, max(self.limits.patience, self.limits.pause)
            )
        return message


@contextmanager
def place_held(room: Share, caller: Caller) -> Iterator[None]:
    """One of `room` for as long as the block lasts; HTTPException 503 where there is none left for
    this caller."""
    with room.held(caller) as place:
        if not place:
            raise HTTPException(503, BUSY)
        yield


def too_large(most: int) -> str:
    """The sentence for a body larger than `most` bytes."""
    size = (
        message("{megabytes}\xa0MB", megabytes=most // MIB)
        if most >= MIB
        else plural("{number} byte", "{number} bytes", count=most, number=f"{most:,}")
    )
    return message("This is more than the app takes at once: {size}.", size=size)
