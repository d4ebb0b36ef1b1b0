"""Uvicorn's protocols, where browsers do not behave as it expects."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

HEAD_SECONDS = 30.0  # that a request's head may take to arrive


class PageConnection(H11Protocol):
    """A connection that is closed when no request comes on it; uvicorn's own would be held open for ever."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A browser has come."""
        super().connection_made(transport)
        self._wait_for_a_request()

    def data_received(self, data: bytes) -> None:
        """It has said something, which need not be a whole request."""
        super().data_received(data)
        self._wait_for_a_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has left."""
        super().connection_lost(exc)
        self._stop_waiting()

    def _wait_for_a_request(self) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self.transport.get_protocol() is not self:  # it has become a WebSocket
            self._stop_waiting()
        elif self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class PageSocket(WebSocketsSansIOProtocol):
    """A browser's socket that may be closing already when the app ends; uvicorn's own takes that for an error."""

    def shutdown(self) -> None:
        """Close, unless the browser has begun to."""
        try:
            super().shutdown()
        except InvalidState:
            self.transport.close()
