"""Previews that are the frames of an animation, as VideoHelperSuite sends them."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.comfyui.protocol.events import AnimatedPreviews, Preview
from comfy.comfyui.protocol.parse import WarnOnce, parse_message
from comfy.comfyui.protocol.run_state import RunState, advance

JPEG = b"\xff\xd8\xff\xe0 a frame"


def frame(at: int, node: bytes = b"") -> bytes:
    """Return a binary message: preview, JPEG, JPEG again, the frame's place and, in later versions,
    the node's id in 16 bytes."""
    return struct.pack(">IIII", 1, 1, 1, at) + (struct.pack("16p", node) if node else b"") + JPEG


@pytest.mark.parametrize("node", [b"", b"3", b"57:12"])
@pytest.mark.parametrize("at", [0, 7, 1000])
def test_an_animation_frame_has_an_index(at: int, node: bytes) -> None:
    """The parser removes everything before the image, in both versions of the message."""
    assert parse_message(frame(at, node), WarnOnce()) == Preview(None, None, JPEG, frame=at)


def test_a_single_preview_has_no_frame_index() -> None:
    """ComfyUI's own previews have no frame number."""
    assert parse_message(struct.pack(">II", 1, 1) + JPEG, WarnOnce()) == Preview(None, None, JPEG)


@pytest.mark.parametrize(
    ("length", "rate", "known"),
    [
        (16, 8, True),
        (1, 0.5, True),
        (0, 8, False),
        (16, 0, False),
        (10**9, 8, False),
        ("x", 8, False),
    ],
)
def test_an_animation_reports_its_length_and_rate(
    length: object, rate: object, known: bool
) -> None:
    """The parser ignores impossible values."""
    data = {"length": length, "rate": rate, "id": "3"}
    event = parse_message(json.dumps({"type": "VHS_latentpreview", "data": data}), WarnOnce())
    assert isinstance(event, AnimatedPreviews) is known


def test_a_run_knows_its_animation() -> None:
    """The animation's length stays the same while frames arrive. Each frame becomes the newest
    preview."""
    state = RunState("p")
    events = [AnimatedPreviews(4, 8.0), Preview(None, None, JPEG, frame=2)]
    for event in [Preview(None, "p", JPEG), *events]:
        state = advance(state, event)
    assert state.animation == AnimatedPreviews(4, 8.0)
    assert (state.preview_number, state.preview) == (2, Preview(None, None, JPEG, frame=2))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_preview_or_nothing(data: bytes) -> None:
    """No content of a preview message makes the parser fail."""
    event = parse_message(struct.pack(">II", 1, 1) + data, WarnOnce())
    assert event is None or isinstance(event, Preview)
