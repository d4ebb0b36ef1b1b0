"""Uvicorn's protocols, adapted to browsers that don't behave as it expects."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import h11
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn._types import ASGISendEvent
from uvicorn.middleware.proxy_headers import _TrustedHosts
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import CloseCode

from comfy.media.checks import MIB
from ui.web.addresses import client_address, networks_of
from ui.web.shares import Caller, Share

HEAD_SECONDS = 30.0  # until the head of a connection's first or next request must have arrived


# The rest of a refused body, or of further requests, that is dropped. Clients then read the answer.
LINGER_SECONDS, LINGER_BYTES = 10.0, 16 * MIB
_CLOSE_SECONDS = 1.0  # for the browser's answer to our close frame; uvicorn waits for ten
_CLOSING = (401, 429)  # answers to callers who shouldn't send their next request immediately


class Addresses:
    """Limit on connections per address; trusted proxies have no limit. `idle`: the maximum of all
    connections without an unfinished request or an open WebSocket. Each one beyond it closes the
    oldest of the address with the most."""

    def __init__(self, most: int, idle: int, proxies: Sequence[str]) -> None:
        self._share = Share(sys.maxsize, sys.maxsize, most)
        self._idle = idle
        self._proxies = _TrustedHosts(networks_of(proxies))
        self._open: dict[PageConnection, str] = {}  # with their addresses, oldest first

    def arrive(
        self, connection: PageConnection, client: tuple[str, int] | None
    ) -> Callable[[], None] | None:
        """Count another connection, of this client. Return a function to call when it is gone, or
        None if it exceeds the limit of its address."""
        caller = Caller("", client_address({"client": client}))
        is_proxy = client is None or client[0] in self._proxies
        if not (is_proxy or self._share.take(caller)):
            return None
        self._open[connection] = caller.address
        self._close_excess()
        return (lambda: None) if is_proxy else partial(self._share.give_back, caller)

    def leave(self, connection: PageConnection) -> None:
        """Forget a connection that is closed."""
        self._open.pop(connection, None)

    def _close_excess(self) -> None:
        if len(self._open) <= self._idle:
            return
        idle = [one for one in self._open if not one.is_answering]
        held = Counter(self._open[one] for one in idle)
        for _ in range(len(idle) - self._idle):
            most, _ = held.most_common(1)[0]
            oldest = next(one for one in idle if self._open.get(one) == most)
            held[most] -= 1
            self.leave(oldest)
            oldest.transport.abort()


class PageConnection(H11Protocol):
    """Connection that closes if no request arrives on it; uvicorn's own would stay open forever.

    `addresses`: the limit on connections per address. A connection that exceeds it is closed before
    it sends anything.
    """

    def __init__(self, *args: Any, addresses: Addresses, **options: Any) -> None:
        super().__init__(*args, **options)
        self.app = partial(self._answer, self.app)
        self._addresses = addresses
        self._left: Callable[[], None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._dropped: int | None = None  # bytes of a refused body or of further requests

    @property
    def is_answering(self) -> bool:
        """Return whether a request isn't answered completely, or the connection has become a
        WebSocket that the app hasn't closed."""
        socket = self.transport.get_protocol()
        if isinstance(socket, PageSocket):
            return not socket.close_sent
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count a new connection; close it if it exceeds the limit."""
        super().connection_made(transport)
        self._left = self._addresses.arrive(self, self.client)
        if self._left is None:
            transport.abort()
        else:
            self._wait_for_a_request()

    def data_received(self, data: bytes) -> None:
        """Process data, which may be only part of a request. The rest of a refused body is
        dropped, and so is everything behind the last request."""
        if self._dropped is not None:
            self._dropped += len(data)
            if self._dropped > LINGER_BYTES:
                self.transport.abort()
            return
        super().data_received(data)
        self._wait_for_a_request()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Let the new WebSocket hold the connection's count until it closes."""
        super().handle_websocket_upgrade(event)
        socket = self.transport.get_protocol()
        if isinstance(socket, PageSocket):
            socket.left = self._leave

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the connection's count."""
        super().connection_lost(exc)
        self._stop_waiting()
        self._leave()

    def _leave(self) -> None:
        self._addresses.leave(self)
        if self._left is not None:
            self._left()

    def shutdown(self) -> None:
        """Shut down without waiting for clients that still send a request or don't
        read the answer."""
        super().shutdown()
        if self.is_answering and (self.cycle.more_body or self.flow.write_paused):
            self.transport.abort()

    async def _answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app. A response that begins before the body has arrived closes its connection. So
        does one to a caller who has already sent more behind the request, because its requests
        would otherwise follow each other without a pause for others. So does one that ends in the
        middle, or is canceled because the app ends. Uvicorn itself would log that each time."""
        cycle = self.cycle  # the next request may be underway when the app has finished this one

        async def send_and_close(event: Message) -> None:
            if event["type"] == "http.response.start" and (
                cycle.more_body or self.conn.trailing_data[0] or event["status"] in _CLOSING
            ):
                if not cycle.more_body:
                    self._dropped = 0
                MutableHeaders(scope=event)["connection"] = "close"
                lingering = SimpleNamespace(write=self.transport.write, close=self._linger)
                cycle.transport = cast(asyncio.Transport, lingering)
            await send(event)

        with contextlib.suppress(asyncio.CancelledError):
            await app(scope, receive, send_and_close)
        if cycle.response_started and not cycle.response_complete:
            cycle.disconnected = True
            if self.flow.write_paused:  # it would wait for a client that reads nothing
                self.transport.abort()
            self.transport.close()

    def _linger(self) -> None:
        """Close after an answer. Until the client has read it, it may send its body, and a reset
        would destroy the answer."""
        self._dropped = 0
        self.flow.resume_reading()
        with contextlib.suppress(OSError):  # the client has left
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _wait_for_a_request(self) -> None:
        if (
            self.is_answering or self.transport.get_protocol() is not self
        ):  # it has become a WebSocket
            self._stop_waiting()
        elif self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class PageSocket(WebSocketsSansIOProtocol):
    """WebSocket of a browser. It may already be closing when the app ends, be refused by a
    response, or break the protocol; uvicorn's own class logs a traceback for each of these."""

    left: Callable[[], None] | None = None  # called after it closes

    def data_received(self, data: bytes) -> None:
        """Ignore data after a broken frame, because the parser has stopped."""
        if self.conn.parser_exc is None:
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        """Close with the parser's code; before the handshake there isn't one to send."""
        if self.conn.close_sent is not None:
            super().handle_parser_exception()
        else:
            self.transport.abort()

    def send_receive_event_to_app(self) -> None:
        """Close with 1007 for a text message that is not UTF-8."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError as problem:
                self.conn.fail(CloseCode.INVALID_DATA, "The text is not UTF-8.")
                self.conn.parser_exc = problem
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answer a ping. If the browser doesn't read the answers, abort, because they would pile up
        in memory."""
        super().handle_ping()
        if not self.writable.is_set():
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the connection's count."""
        super().connection_lost(exc)
        if self.left is not None:
            self.left()

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message. A complete refusal also ends the handshake. A browser that doesn't
        answer the close frame is cut off."""
        await super().send(message)
        if self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(_CLOSE_SECONDS, self.transport.abort)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def shutdown(self) -> None:
        """Close, unless the browser has already started to."""
        try:
            super().shutdown()
        except InvalidState:
            self.transport.close()
