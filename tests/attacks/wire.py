"""Send one request byte for byte on its own connection and read the answer."""

from __future__ import annotations

import contextlib
import http.client
import socket
from dataclasses import dataclass

from websocket import ABNF

SECONDS = 30.0  # for any answer
STREAMED = 0.2  # for the first part of an answer in parts
MOST = 4_000_000  # bytes read of it


@dataclass(frozen=True, slots=True)
class Attack:
    r"""Bytes to send to a port.

    `whole`: the request is complete, and the app must answer it. `frames`: WebSocket frames to send
    once the socket is open. `about`: a description for the summary. `knows`: whether the sender may
    see ann's secret.
    """

    port: int
    about: str
    data: bytes
    whole: bool = True
    frames: tuple[bytes, ...] = ()
    knows: bool = False

    @property
    def method(self) -> str:
        return self.data.partition(b" ")[0].decode("latin-1")

    def command(self) -> str:
        """Return Python code that sends the attack again."""
        sent = (self.data, *self.frames)
        return (
            "import socket; s = socket.create_connection(('127.0.0.1', PORT));"
            f" s.sendall({b''.join(sent)!r})"
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A status (0 = none), a header block and as much of a body as arrived."""

    status: int
    head: str = ""
    body: bytes = b""


def sent(attack: Attack) -> Answer:
    """Send the attack and return the answer. Close the sending side of an incomplete request, like
    a browser that leaves."""
    with socket.create_connection(("127.0.0.1", attack.port), timeout=SECONDS) as connection:
        try:
            connection.sendall(attack.data)
            if not attack.whole:
                connection.shutdown(socket.SHUT_WR)
            return _answer(connection, attack)
        except (http.client.HTTPException, ConnectionError, TimeoutError, UnicodeError) as problem:
            return Answer(0, repr(problem))


def _answer(connection: socket.socket, attack: Attack) -> Answer:
    with contextlib.closing(http.client.HTTPResponse(connection, method=attack.method)) as response:
        response.begin()
        head = str(response.headers)
        if response.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
            return Answer(response.status, head, _conversation(connection, attack.frames))
        if "text/event-stream" not in response.headers.get("content-type", ""):
            return Answer(response.status, head, response.read(MOST))
        connection.settimeout(STREAMED)  # the stream may never end
        with contextlib.suppress(TimeoutError):
            return Answer(response.status, head, response.read1(MOST))
        return Answer(response.status, head)


def _conversation(connection: socket.socket, frames: tuple[bytes, ...]) -> bytes:
    said = []
    with contextlib.suppress(ConnectionError, TimeoutError):
        for frame in (*frames, frame_of(ABNF.OPCODE_CLOSE, b"\x03\xe8")):
            connection.sendall(frame)
        connection.shutdown(socket.SHUT_WR)
        while more := connection.recv(65536):
            said.append(more)
    return b"".join(said)


def frame_of(kind: int, data: bytes, *, last: bool = True) -> bytes:
    """Return a frame as a browser sends it, but with a constant mask."""
    frame = ABNF(int(last), 0, 0, 0, kind, 1, data)
    frame.get_mask_key = lambda length: b"mask"[:length]
    return bytes(frame.format())


def rendered(
    method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes = b""
) -> bytes:
    """Return an HTTP/1.1 request as bytes."""
    lines = [
        b"%s %s HTTP/1.1" % (method.encode("latin-1"), target),
        *(b"%s: %s" % header for header in headers),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
