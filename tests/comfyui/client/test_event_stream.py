"""The WebSocket to ComfyUI, against a server that sends exactly the given bytes."""

from __future__ import annotations

import base64
import hashlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from comfy.comfyui.client.client import Client
from comfy.comfyui.client.event_stream import LONGEST_MESSAGE, EventStream
from tests.support.waiting import LONGEST_WAIT

TEXT, BINARY, CLOSE = 1, 2, 8
MESSAGES: tuple[str | bytes, ...] = ("one", b"", "x" * 300, b"y" * 70_000, "{}", b"z" * 16_384, "ü")


def frame(opcode: int, data: bytes) -> bytes:
    """Return a frame as a server sends it (RFC 6455, 5.2)."""
    length = len(data)
    if length < 126:
        return bytes((0x80 | opcode, length)) + data
    size, mark = (2, 126) if length < 2**16 else (8, 127)
    return bytes((0x80 | opcode, mark)) + length.to_bytes(size, "big") + data


def framed(message: str | bytes) -> bytes:
    if isinstance(message, str):
        return frame(TEXT, message.encode())
    return frame(BINARY, message)


@contextmanager
def serving(pieces: Callable[[bytes], Iterator[bytes]]) -> Iterator[str]:
    """Yield the address of a server that answers one handshake. `pieces` splits the answer and the
    bytes after it into the pieces to send."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            key = f"{self.headers['Sec-WebSocket-Key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest())
            answer = (
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            )
            answer += b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            sent = answer + b"".join(map(framed, MESSAGES)) + frame(CLOSE, b"\x03\xe8")
            with suppress(OSError):  # the other end may close it before all is sent
                for piece in pieces(sent):
                    self.connection.sendall(piece)
                while self.connection.recv(1024):
                    pass

        def log_message(self, *_: object) -> None:
            """Write no log."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        thread.join()


@pytest.mark.parametrize("most", [10**9, 1000, 7])
def test_messages_that_arrive_in_one_piece_are_read_separately(most: int) -> None:
    """The stream also reads messages right behind the handshake, and pieces of any size.
    websocket-client gets more bytes than it asks for and keeps the rest. If an upgrade ends that,
    `_ReadAhead` has to keep the rest by answering with no more than `most`."""
    heard: queue.Queue[str | bytes] = queue.Queue()
    ended: queue.Queue[str] = queue.Queue()

    def pieces(sent: bytes) -> Iterator[bytes]:
        yield from (sent[at : at + most] for at in range(0, len(sent), most))

    with serving(pieces) as url, Client(url, timeout=LONGEST_WAIT) as client:
        stream = EventStream(
            client, "me", receive=heard.put, ended=lambda why, _: ended.put(why), ping=LONGEST_WAIT
        )
        stream.open()
        assert "1000" in ended.get(timeout=LONGEST_WAIT)
        stream.close()
    assert tuple(heard.queue) == MESSAGES


HEADER_OF_MORE = b"\x82\x7f" + (LONGEST_MESSAGE + 1).to_bytes(8, "big")
HEADER_OF_MOST = b"\x82\x7f" + (2**63 - 1).to_bytes(8, "big")
MIB = 2**20


def part(opcode: int, data: bytes) -> bytes:
    """Return a frame that does not end its message."""
    sent = frame(opcode, data)
    return bytes((sent[0] & 0x7F,)) + sent[1:]


def parts(size: int) -> Iterator[bytes]:
    yield part(BINARY, b"x" * size)
    for _ in range(LONGEST_MESSAGE // size):
        yield part(0, b"x" * size)


def received(frames: Iterable[bytes]) -> tuple[list[str | bytes], str, bool]:
    """Return the messages heard from these frames, the reason why the socket ended, and whether it
    ended by itself."""
    heard: list[str | bytes] = []
    ended: queue.Queue[tuple[str, bool]] = queue.Queue()

    def pieces(sent: bytes) -> Iterator[bytes]:
        yield sent.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        yield from frames

    with serving(pieces) as url, Client(url, timeout=LONGEST_WAIT) as client:
        stream = EventStream(
            client,
            "me",
            receive=heard.append,
            ended=lambda why, by_itself: ended.put((why, by_itself)),
            ping=LONGEST_WAIT,
        )
        stream.open()
        reason, by_itself = ended.get(timeout=LONGEST_WAIT)
        stream.close()
    return heard, reason, by_itself


@pytest.mark.parametrize(
    "frames",
    [[HEADER_OF_MORE], [HEADER_OF_MOST], parts(MIB), parts(LONGEST_MESSAGE)],
    ids=["a header", "the largest header", "small parts", "two parts"],
)
def test_finding_s17_a_message_has_a_limit(frames: Iterable[bytes]) -> None:
    """The stream ends as soon as a header announces more than the limit, or all frames together
    have more."""
    heard, reason, by_itself = received(frames)
    assert reason == "the server sent a message larger than 32 MB"
    assert not heard
    assert not by_itself


def test_a_message_in_many_frames_arrives_whole() -> None:
    """Binary messages arrive as bytes and text messages as text, even with a ping between their
    frames."""
    ping, close = frame(9, b"?"), frame(CLOSE, b"\x03\xe8")
    letters = [part(0, b"x")] * 3000
    heard, _, by_itself = received(
        [part(BINARY, b"x" * 20 * MIB), ping, *letters, frame(0, b""), close]
    )
    assert heard == [b"x" * (20 * MIB + 3000)]
    assert type(heard[0]) is bytes
    assert by_itself
    heard, _, _ = received([part(TEXT, b"\xc3"), part(0, b""), frame(0, b"\xbc"), close])
    assert heard == ["\xfc"]
