"""A client's socket with access to its TCP connection. Misbehaving needs that access, which no
WebSocket library offers."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any, cast

from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from comfy.demo.server import frames

_PROTOCOL = "comfy.demo.protocol"

_ODD_TEXTS = (
    "null",
    "[]",
    '"text"',
    "{}",
    '{"type": 5}',
    '{"type": "progress"}',
    '{"type": "progress", "data": []}',
)
_GARBAGE_FRAMES = (
    b"",
    b"\x00",
    struct.pack(">I", frames.PREVIEW),
    struct.pack(">II", frames.PREVIEW, 99) + b"no image",
    struct.pack(">II", frames.PREVIEW_WITH_METADATA, 1_000_000) + b"{}",
    struct.pack(">II", frames.PREVIEW_WITH_METADATA, 2) + b"{[",
    struct.pack(">I", 0xFFFF_FFFF) + b"of a type nobody knows",
)
_HUGE = 64 * 1024 * 1024


class DemoWebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, accessible to the application."""

    def handle_connect(self, event: Request) -> None:
        """Handle a connection like uvicorn. Also put the protocol into the ASGI scope, for
        `Connection`."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            cast(dict[str, Any], self.scope)[_PROTOCOL] = self


class Connection:
    """A socket that can send messages and misbehave."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._protocol: DemoWebSocketProtocol = websocket.scope[_PROTOCOL]
        self.mute = False
        """True once nothing is sent anymore, by script or because the client has gone."""
        self._held: str | bytes | None = None

    async def send(self, message: str | bytes) -> None:
        """Send one message, waiting while the client doesn't read. A disconnected client isn't an
        error."""
        if self.mute:
            return
        held, self._held = self._held, None
        for part in (message, held):
            if part is None:
                continue
            try:
                if isinstance(part, str):
                    await self._websocket.send_text(part)
                else:
                    await self._websocket.send_bytes(part)
            # Starlette raises RuntimeError after a close.
            except (WebSocketDisconnect, RuntimeError):
                self.mute = True

    def hold(self, message: str | bytes) -> None:
        """Send this message after the next one."""
        self._held = message

    def abort(self) -> None:
        """Reset the TCP connection."""
        self.mute = True
        self._protocol.transport.abort()

    async def close(self) -> None:
        """Close cleanly, like a server that is shutting down."""
        self.mute = True
        await self._websocket.close(1001)

    def silence(self) -> None:
        """Stop sending messages, but still answer pings."""
        self.mute = True

    def half_open(self) -> None:
        """Stop sending and reading, as if the network were down."""
        self.mute = True
        self._protocol.transport.pause_reading()

    async def garbage(self, kind: str) -> None:
        """Send invalid messages of this kind."""
        parts: tuple[str | bytes, ...] = ("{nonsense",)
        if kind == "odd_text":
            parts = (*_ODD_TEXTS, json.dumps({"type": "no_such_type", "data": {}}))
        elif kind == "garbage_binary":
            parts = _GARBAGE_FRAMES
        elif kind == "huge_frame":
            parts = (frames.preview_frame(bytes(_HUGE)),)
        for part in parts:
            await self.send(part)

    async def truncate(self) -> None:
        """Announce a binary frame of 1,000 bytes, send half of it, and disconnect."""
        self._protocol.transport.write(b"\x82\x7e" + struct.pack(">H", 1000) + bytes(500))
        await asyncio.sleep(0.05)  # abort() discards unsent data
        self.abort()

    def close_code(self) -> int | None:
        """Return the client's close code, None if it disconnected without a close frame."""
        received = self._protocol.conn.close_rcvd
        return None if received is None else received.code
