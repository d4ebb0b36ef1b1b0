"""WebSockets of the stand-in: connected clients by id, and one loop that sends to them all.

A client's socket with access to its TCP connection. Misbehaving needs that access, which no
WebSocket library offers.

ComfyUI's binary WebSocket frames: big-endian u32 type, then the payload (docs/comfyui.md#2).
"""

from __future__ import annotations

import asyncio
import json
import struct
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never, cast

from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from comfyui_standin.server.faults import Misbehavior, Script, SocketKind
from comfyui_standin.server.prompt_queue import Journal

PREVIEW = 1
_PROGRESS_TEXT = 3
_PREVIEW_WITH_METADATA = 4
_JPEG, _PNG = 1, 2
_PROTOCOL = "comfyui_standin.protocol"
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
    struct.pack(">I", PREVIEW),
    struct.pack(">II", PREVIEW, 99) + b"no image",
    struct.pack(">II", _PREVIEW_WITH_METADATA, 1_000_000) + b"{}",
    struct.pack(">II", _PREVIEW_WITH_METADATA, 2) + b"{[",
    struct.pack(">I", 0xFFFF_FFFF) + b"of a type nobody knows",
)
_HUGE = 64 * 1024 * 1024
_FLOOD = 16 * 1024 * 1024


def preview_frame(jpeg: bytes) -> bytes:
    """Return a frame of type 1: image type, then the file. For clients that set no feature flag."""
    return struct.pack(">II", PREVIEW, _PNG if jpeg.startswith(b"\x89PNG") else _JPEG) + jpeg


def progress_text(text: str, node_id: str, prompt_id: str | None) -> bytes:
    """Return a frame of type 3: length and id of the node, then the text. A prompt id comes before
    them in the same way (docs/comfyui.md#56)."""
    ids = [one.encode() for one in (prompt_id, node_id) if one is not None]
    sized = b"".join(struct.pack(">I", len(one)) + one for one in ids)
    return struct.pack(">I", _PROGRESS_TEXT) + sized + text.encode()


def _preview_with_metadata(jpeg: bytes, prompt_id: str, about: Mapping[str, str | None]) -> bytes:
    """Return a frame of type 4: length and JSON of the preview's metadata, then the file. `about`:
    the ids of its node."""
    image_type = "image/png" if jpeg.startswith(b"\x89PNG") else "image/jpeg"
    metadata = {**about, "prompt_id": prompt_id, "image_type": image_type}
    encoded = json.dumps(metadata).encode()
    return struct.pack(">II", _PREVIEW_WITH_METADATA, len(encoded)) + encoded + jpeg


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
            parts = (preview_frame(bytes(_HUGE)),)
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


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A queued JSON message. Without a client id it goes to all clients."""

    type: str
    data: dict[str, Any]
    client_id: str | None = None

    def encode(self) -> str:
        return json.dumps({"type": self.type, "data": self.data})


@dataclass(frozen=True, slots=True)
class PreviewMessage:
    """A queued preview. `about` has its node's ids; `metadata` chooses between the two binary frame
    types."""

    jpeg: bytes
    prompt_id: str
    about: Mapping[str, str | None]
    metadata: bool
    client_id: str | None = None
    type: str = "preview"

    def encode(self) -> bytes:
        if self.metadata:
            return _preview_with_metadata(self.jpeg, self.prompt_id, self.about)
        return preview_frame(self.jpeg)


@dataclass(frozen=True, slots=True)
class NodeText:
    """A queued text of a node, which goes to all clients, as on the real server."""

    text: str
    node_id: str
    prompt_id: str | None = None
    client_id: None = None
    type: str = "progress_text"

    def encode(self) -> bytes:
        return progress_text(self.text, self.node_id, self.prompt_id)


Outgoing = TextMessage | PreviewMessage | NodeText


@dataclass(slots=True)
class SocketCounters:
    """Socket counters for tests and benchmarks."""

    opened: int = 0
    open: int = 0
    close_codes: list[int | None] = field(default_factory=list)
    """Close code of each client, in order of closing; None if it vanished without one."""


class Sockets:
    """All sockets of one server run. Belongs to the event loop; only `send` is thread-safe."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        script: Script,
        journal: Journal,
        status: Callable[[], dict[str, Any]],
        features: dict[str, Any],
    ) -> None:
        self._loop = loop
        self._script = script
        self._journal = journal
        self._status = status
        self._features = features
        self._clients: dict[str, Connection] = {}
        self._flags: dict[str, dict[str, Any]] = {}
        self._outgoing: asyncio.Queue[Outgoing] = asyncio.Queue()
        self._lock = threading.Lock()
        self._hushed = False
        self.executing_client: str | None = None
        self.executing_node: str | None = None
        self.counters = SocketCounters()

    def send(self, message: Outgoing) -> None:
        """Queue a message. Does nothing once the server is shutting down."""
        with self._lock:
            if not self._hushed:
                self._loop.call_soon_threadsafe(self._outgoing.put_nowait, message)

    def hush(self) -> None:
        """Stop sending. `send` may still be called, even after the loop is closed."""
        with self._lock:
            self._hushed = True

    def wants_metadata(self, client_id: str | None) -> bool:
        """Return whether this client set the flag for previews with metadata."""
        flags = self._flags.get(client_id or "", {})
        return bool(flags.get("supports_preview_metadata"))

    async def publish(self) -> None:
        """Send queued messages one after the other, until canceled.

        One loop serves all sockets and waits for each in turn, like the real server. A client that
        stops reading stalls the others (docs/comfyui.md#12).
        """
        while True:
            message = await self._outgoing.get()
            await self._deliver(message)

    async def _deliver(self, message: Outgoing) -> None:
        if message.client_id is None:
            receivers = list(self._clients.values())
        else:
            receivers = (
                [self._clients[message.client_id]] if message.client_id in self._clients else []
            )
        for connection in receivers:
            await self._send(connection, message)

    async def _send(self, connection: Connection, message: Outgoing) -> None:
        wrong = self._script.take(message.type) if message.client_id is not None else None
        original = message
        if wrong is not None:
            message = _with_other_prompt_id(message, wrong)
            if wrong.kind == "flood_others":
                await self._flood(connection)
            elif not await _misbehave(connection, wrong, message):
                return
        await connection.send(message.encode())
        if (
            isinstance(original, TextMessage)
            and original is message
            and original.type == "execution_start"
            and not connection.mute
        ):
            self._journal.add(original.data["prompt_id"], "told")

    async def _flood(self, spared: Connection) -> None:
        # A full socket accepts one more message without blocking, so two are sent.
        for connection in [one for one in self._clients.values() if one is not spared] * 2:
            await connection.send(preview_frame(bytes(_FLOOD)))

    async def serve(self, websocket: WebSocket) -> None:
        """Serve a client's socket from handshake to disconnect."""
        if (wrong := self._script.take("open")) is not None and wrong.hold is not None:
            await wrong.hold.wait()
        elif wrong is not None:
            Connection(websocket).abort()
            return
        await websocket.accept()
        connection = Connection(websocket)
        client_id = websocket.query_params.get("clientId") or uuid.uuid4().hex
        self._clients[client_id] = connection
        self._flags[client_id] = {}
        self.counters.opened += 1
        self.counters.open += 1
        try:
            await self._greet(connection, client_id)
            await self._read(websocket, client_id)
        except WebSocketDisconnect:
            pass
        finally:
            # Remove by id, not by socket: a newer socket with that id gets no more messages, either
            # (docs/comfyui.md#9).
            self._clients.pop(client_id, None)
            self._flags.pop(client_id, None)
            self.counters.open -= 1
            self.counters.close_codes.append(connection.close_code())

    async def _greet(self, connection: Connection, client_id: str) -> None:
        await self._send(
            connection,
            TextMessage("status", {"status": self._status(), "sid": client_id}, client_id),
        )
        if self.executing_client == client_id and self.executing_node is not None:
            await self._send(
                connection, TextMessage("executing", {"node": self.executing_node}, client_id)
            )

    async def _read(self, websocket: WebSocket, client_id: str) -> None:
        first = True
        while True:
            event = await websocket.receive()
            if event["type"] == "websocket.disconnect":
                return
            if first and (flags := _feature_flags(event.get("text"))) is not None:
                self._flags[client_id] = flags
                self.send(TextMessage("feature_flags", self._features, client_id))
            first = False


def _feature_flags(text: str | None) -> dict[str, Any] | None:
    try:
        message = json.loads(text or "")
    except ValueError:
        return None
    if not isinstance(message, dict) or message.get("type") != "feature_flags":
        return None
    flags = message.get("data")
    return flags if isinstance(flags, dict) else {}


def _with_other_prompt_id(message: Outgoing, wrong: Misbehavior) -> Outgoing:
    match message, wrong.kind:
        case TextMessage(data=data), "no_prompt_id":
            return replace(
                message, data={key: value for key, value in data.items() if key != "prompt_id"}
            )
        case TextMessage(data=data), "foreign_prompt_id":
            return replace(message, data={**data, "prompt_id": str(uuid.uuid4())})
        case PreviewMessage(), "foreign_prompt_id":
            return replace(message, prompt_id=str(uuid.uuid4()))
        case _:
            return message


async def _misbehave(connection: Connection, wrong: Misbehavior, message: Outgoing) -> bool:
    """Do the scripted fault before a message. Return False if the message itself must not be sent
    now."""
    kind = cast(SocketKind, wrong.kind)  # a `Misbehavior` accepts only these kinds there
    match kind:
        case "drop":
            connection.abort()
        case "close":
            await connection.close()
        case "silence":
            connection.silence()
        case "half_open":
            connection.half_open()
        case "truncated_frame":
            await connection.truncate()
        case "garbage_text" | "odd_text" | "garbage_binary" | "huge_frame":
            await connection.garbage(kind)
        case "duplicate":
            await connection.send(message.encode())
        case "late":
            connection.hold(message.encode())
            return False
        case "hold":
            if wrong.hold is not None:
                await wrong.hold.wait()
        case "lost":
            return False
        case "no_prompt_id" | "foreign_prompt_id" | "flood_others":
            pass  # affects the message or other clients
        case _:
            assert_never(kind)
    return True
