"""Limits and close codes that all browser WebSockets share."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Iterator
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketState

from ui.web.identity import NO_LOGIN, Identity
from ui.web.shares import Share, caller_of

UNKNOWN_WORD = 1003  # close code: the browser sent an unknown message
UNKNOWN_RUN = 4404  # close code: no such run for this user
TOO_MANY = 4429  # close code: too many sockets are open
TOO_FAST = 1008  # close code: the browser sends more than any page would
_RATE = 200.0  # messages per second from a page: one for each painted frame
BURST = 500.0


async def authenticate_socket(socket: WebSocket, identity: Identity) -> str | None:
    """Accept a socket of one of our pages and return its owner; return None if it was refused."""
    if not identity.same_origin(socket):
        await socket.close()  # before it is accepted, this is an HTTP 403
        return None
    await socket.accept()
    owner = identity.owner(socket)
    if owner is None:
        await socket.close(NO_LOGIN)
    else:
        identity.opened(socket)
    return owner


@contextlib.contextmanager
def ends_with_browser(socket: WebSocket) -> Iterator[None]:
    """Suppress the errors that Starlette raises when the browser has left; others propagate."""
    try:
        yield
    except WebSocketDisconnect:
        return
    except RuntimeError as error:
        is_disconnected = WebSocketState.DISCONNECTED in (
            socket.client_state,
            socket.application_state,
        )
        # Raised by uvicorn after it has closed the socket itself, for example at shutdown.
        if not is_disconnected and not str(error).startswith("Unexpected ASGI message"):
            raise


async def run_until_first(socket: WebSocket, *jobs: Coroutine[Any, Any, None]) -> None:
    """Run jobs concurrently until the first one finishes. A disconnected browser isn't an error."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            with ends_with_browser(socket):
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def set_from_thread(loop: asyncio.AbstractEventLoop, *events: asyncio.Event) -> None:
    """Wake the waiters for these events on this loop. Thread-safe; does nothing on a closed loop at
    shutdown."""
    with contextlib.suppress(RuntimeError):
        for event in events:
            loop.call_soon_threadsafe(event.set)


class SocketLimitMiddleware:
    """ASGI middleware that limits how many sockets are open, and how much a browser may send on
    each."""

    def __init__(self, app: ASGIApp, identity: Identity, sockets: Share) -> None:
        """`sockets` counts the open sockets."""
        self.app = app
        self.identity = identity
        self.open = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward everything, or close a socket that exceeds the limit."""
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        with self.open.held(caller_of(scope, self.identity)) as room:
            if room:
                await self.app(scope, _rate_limited(receive, send), send)
                return
        await receive()
        await send({"type": "websocket.accept"})  # only then does the browser learn why
        await send(
            {"type": "websocket.close", "code": TOO_MANY, "reason": "Too many pages are open."}
        )


def _rate_limited(receive: Receive, send: Send) -> Receive:
    """Yield the browser's text messages; close the socket at a binary message or above the rate
    limit."""
    left, since = BURST, time.monotonic()

    async def next_message() -> Message:
        nonlocal left, since
        event = await receive()
        if event["type"] != "websocket.receive":
            return event
        now = time.monotonic()
        left, since = min(BURST, left + (now - since) * _RATE) - 1, now
        code = UNKNOWN_WORD if event.get("text") is None else TOO_FAST if left < 0 else None
        if code is None:
            return event
        await send({"type": "websocket.close", "code": code})
        return {"type": "websocket.disconnect", "code": code}

    return next_message
