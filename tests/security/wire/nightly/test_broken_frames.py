"""S18: frames that break the WebSocket protocol close the socket with the protocol's own code. The
app logs no traceback."""

from __future__ import annotations

import contextlib
import struct

import pytest
from websocket import ABNF, WebSocket, WebSocketConnectionClosedException

from tests.attacks.wire import frame_of
from tests.support.http_client import page_open
from tests.support.serving import RunningApp

TEXT, CLOSE, PING = ABNF.OPCODE_TEXT, ABNF.OPCODE_CLOSE, ABNF.OPCODE_PING
BROKEN = {
    "text that is not UTF-8": (frame_of(TEXT, b"\xff\xfe"), 1007),
    "half a character": (frame_of(TEXT, b"\xf0\x9f"), 1007),
    "a lone surrogate": (frame_of(TEXT, b"\xed\xa0\x80"), 1007),
    "fragments that are not UTF-8": (
        frame_of(TEXT, b"a\xc3", last=False) + frame_of(0, b"b"),
        1007,
    ),
    "a close reason that is not UTF-8": (frame_of(CLOSE, b"\x03\xe8\xff"), 1007),
    "a close code that cannot be sent": (frame_of(CLOSE, struct.pack("!H", 1005)), 1002),
    "half a close code": (frame_of(CLOSE, b"\x03"), 1002),
    "a ping that is too long": (frame_of(PING, b"x" * 126), 1002),
    "a ping in fragments": (frame_of(PING, b"x", last=False), 1002),
    "a reserved bit": (bytes([0x80 | 0x40 | TEXT]) + frame_of(TEXT, b"x")[1:], 1002),
    "a frame without a mask": (b"\x81\x01x", 1002),
    "an unknown kind": (bytes([0x83]) + frame_of(TEXT, b"x")[1:], 1002),
    "a continuation of nothing": (frame_of(0, b"x"), 1002),
    "a message within a message": (frame_of(TEXT, b"a", last=False) + frame_of(TEXT, b"b"), 1002),
    "a close within a message": (
        frame_of(TEXT, b"a", last=False) + frame_of(CLOSE, b"\x03\xe8"),
        1002,
    ),
    "a message that is too long": (frame_of(TEXT, b"x" * 2000), 1009),
    "a length of 2**63": (b"\x81\xff" + struct.pack("!Q", 2**63) + b"mask", 1009),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_frame_closes_with_its_code(
    app: RunningApp, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The close code names the violation. The app logs no traceback and still answers."""
    frames, code = BROKEN[what]
    with page_open(app) as page:
        page.sock.sendall(frames)
        assert closed_with(page) == code
    _is_well(app, caplog)


def closed_with(page: WebSocket) -> int:
    with contextlib.suppress(WebSocketConnectionClosedException):
        while True:
            kind, data = page.recv_data(control_frame=True)
            if kind == CLOSE:
                return int.from_bytes(data[:2])
    return 0


def _is_well(app: RunningApp, caplog: pytest.LogCaptureFixture) -> None:
    with page_open(app) as page:
        page.send("here")
        assert page.recv()
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= 30]
