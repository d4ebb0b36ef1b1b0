"""Limits on simultaneous requests and their bodies per address. Bytes are counted as they arrive,
regardless of the announced size."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comfy.base.messages import message
from comfy.media.checks import MIB
from ui.web.addresses import client_address
from ui.web.failures import refusal_for
from ui.web.identity import Identity
from ui.web.limits import BodyLimit, WebLimits
from ui.web.responses import NOT_UNDERSTOOD, TOO_MANY_REQUESTS
from ui.web.shares import Caller, Share, caller_of

BUSY = message("ComfyForms is busy. Try again in a moment.")
_BODY_DONE = "comfyforms.body_done"  # scope key of the function that releases the request's bytes
_LATE = message("The request took too long to arrive. Try again.")


class RequestLimitMiddleware:
    """ASGI middleware that limits the unfinished requests of each address, from the moment a head
    is read. It runs behind `ProxyMiddleware`, so behind a trusted proxy it counts by forwarded
    address. The proxy's own connections have no limit of their own."""

    def __init__(self, app: ASGIApp, limits: WebLimits) -> None:
        self.app = app
        self.unfinished = Share(limits.requests, limits.requests, limits.address_requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request, or refuse it immediately and close its connection.
        `SocketLimitMiddleware` counts WebSockets."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        address = client_address(scope)
        with self.unfinished.held(Caller(address, address)) as room:
            if room:
                await self.app(scope, receive, send)
                return
        answer = refusal_for(scope, TOO_MANY_REQUESTS, 429)
        answer.headers["retry-after"] = "1"
        # The rest of its body is not read, so the connection can't be used again.
        answer.headers["connection"] = "close"
        await answer(scope, receive, send)


class BodyLimitMiddleware:
    """ASGI middleware that refuses bodies that are too large for their route, too slow, or too many
    at a time. `body_of`: returns the kind of a request's body."""

    def __init__(
        self,
        app: ASGIApp,
        identity: Identity,
        limits: WebLimits,
        body_of: Callable[[Scope], BodyLimit],
    ) -> None:
        self.app = app
        self.identity = identity
        self.limits = limits
        self.body_of = body_of
        self.arriving = Share(limits.arriving, limits.person_arriving, limits.address_arriving)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request and count its bytes. A body that is too large leads to the app's own
        response to an HTTPException."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = self.limits.most_of(self.body_of(scope))
        claimed = Headers(scope=scope).get("content-length", "0")
        if claimed.isdecimal() and int(claimed[:20]) > most:
            await refusal_for(scope, too_large(most), 413)(scope, receive, send)
            return
        caller = caller_of(scope, self.identity)
        pace = LeastSpeed(self.limits)
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            event = await pace.next(receive)
            size = len(event.get("body", b""))
            if arrived + size > most:
                raise HTTPException(413, too_large(most))
            if not self.arriving.take(caller, size):
                raise HTTPException(503, BUSY)
            arrived += size
            return event

        given = [0]  # bytes of `arrived` that were already released

        def give_back() -> None:
            self.arriving.give_back(caller, arrived - given[0])
            given[0] = arrived

        try:
            await self.app({**scope, _BODY_DONE: give_back}, counted, send)
        finally:
            give_back()


class LeastSpeed:
    """Time limit for the next piece of a body. Only time spent waiting for the client counts.

    A body may be silent for `patience` seconds at its start. Data that arrives at `least_speed` or
    faster never runs out of time; the credit is capped at `pause` seconds.
    """

    def __init__(self, limits: WebLimits) -> None:
        self.limits = limits
        self.left: float | None = limits.patience

    async def next(self, receive: Receive) -> Message:
        """Return the next message of a request. Raises HTTPException 408 if it doesn't arrive in
        time."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.left):
                event = await receive()
        except TimeoutError:
            raise HTTPException(408, _LATE) from None
        if not event.get("more_body"):
            self.left = None  # the next message is the browser's disconnect
        elif self.left is not None:
            waited, gained = (
                time.monotonic() - began,
                len(event["body"]) / self.limits.least_speed,
            )
            self.left = min(
                self.left - waited + gained, max(self.limits.patience, self.limits.pause)
            )
        return event


def body_done(scope: Scope) -> None:
    """Release the bytes of a request after its body is read and stored, before its response.
    Otherwise a handler that waits for a run would block space for other uploads. Call it on the
    event loop."""
    if give_back := scope.get(_BODY_DONE):
        give_back()


@contextmanager
def place_held(room: Share, caller: Caller) -> Iterator[None]:
    """Hold one slot of `room` during the block. Raises HTTPException 503 if this caller has none
    left."""
    with room.held(caller) as has_slot:
        if not has_slot:
            raise HTTPException(503, BUSY)
        yield


def too_large(most: int) -> str:
    """Return the message about a body larger than `most` bytes. The page sends nothing as large to
    a path with a limit below 1 MiB."""
    if most < MIB:
        return NOT_UNDERSTOOD
    return message("This is too large. The maximum is {size}\xa0MB.", size=most // MIB)
