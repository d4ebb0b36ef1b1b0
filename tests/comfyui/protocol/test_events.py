"""Socket frames become events. The parser skips unusable frames with one warning and never raises
an exception."""

from __future__ import annotations

import json
import logging
import struct
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.comfyui.protocol.events import (
    AnimatedPreviews,
    EditorMessage,
    Event,
    Executed,
    Executing,
    ExecutionCached,
    ExecutionError,
    ExecutionInterrupted,
    ExecutionStart,
    ExecutionSuccess,
    FeatureFlags,
    NodeProgress,
    Preview,
    Progress,
    ProgressState,
    ProgressText,
    Status,
)
from comfy.comfyui.protocol.parse import WarnOnce, parse_message
from tests.support.distribution import examples

JPEG = b"\xff\xd8\xff\xe0 an image"
PNG = b"\x89PNG\r\n an image"


def text(type_: str, **data: Any) -> str:
    return json.dumps({"type": type_, "data": data})


def binary(kind: int, payload: bytes) -> bytes:
    return struct.pack(">I", kind) + payload


def sized(head: bytes, rest: bytes) -> bytes:
    return struct.pack(">I", len(head)) + head + rest


UNDERSTOOD: list[tuple[str | bytes, Event]] = [
    (text("status", status={"exec_info": {"queue_remaining": 2}}, sid="abc"), Status(2, "abc")),
    (text("status", status={"exec_info": {"queue_remaining": 0}}), Status(0)),
    (text("feature_flags", max_upload_size=1), FeatureFlags()),
    (text("assets.seed.completed", scanned=3), EditorMessage()),
    (text("execution_start", prompt_id="p", timestamp=1), ExecutionStart("p")),
    (text("execution_cached", prompt_id="p", nodes=["1", "2"]), ExecutionCached("p", ("1", "2"))),
    (text("executing", node="3", display_node="3", prompt_id="p"), Executing("3", "p", "3")),
    (text("executing", node="3"), Executing("3", None)),
    (text("executing", node=None, prompt_id="p"), Executing(None, "p")),
    (text("progress", value=1, max=8, node="3", prompt_id="p"), Progress(1, 8, "3", "p")),
    (text("VHS_latentpreview", length=16, rate=8), AnimatedPreviews(16, 8)),
    (
        text(
            "progress_state", prompt_id="p", nodes={"3": {"value": 1, "max": 4, "state": "running"}}
        ),
        ProgressState("p", (NodeProgress("3", "3", 1, 4, "running"),)),
    ),
    (
        text("executed", node="9", prompt_id="p", output={"images": []}),
        Executed("p", "9", {"images": []}),
    ),
    (text("executed", node="9", prompt_id="p", output=None), Executed("p", "9", {})),
    (text("execution_success", prompt_id="p"), ExecutionSuccess("p")),
    (text("execution_interrupted", prompt_id="p", node_id="3"), ExecutionInterrupted("p", "3")),
    (
        text(
            "execution_error",
            prompt_id="p",
            node_id="3",
            node_type="KSampler",
            exception_type="E",
            exception_message="m\n",
            traceback=["a", "b"],
        ),
        ExecutionError("p", "3", "KSampler", "E", "m"),
    ),
    (binary(1, struct.pack(">I", 1) + JPEG), Preview(None, None, JPEG)),
    (binary(1, struct.pack(">I", 2) + PNG), Preview(None, None, PNG)),
    (
        binary(4, sized(b'{"node_id":"3","prompt_id":"p","image_type":"image/png"}', PNG)),
        Preview("3", "p", PNG),
    ),
    (binary(3, sized(b"70:3", "almost é".encode())), ProgressText("70:3", "almost é")),
    (binary(3, sized(b"p", sized(b"70:3", b"done"))), ProgressText("70:3", "done", "p")),
    (
        text("executed", node="7.0.0.1", display_node="9", prompt_id="p", output={"text": ["a"]}),
        Executed("p", "7.0.0.1", {"text": ["a"]}, "9"),
    ),
]

OF_OTHERS = [
    text("agent_status", agent="idle"),
    text("asset_download", task_id="t", progress=0.5, status="running"),
    text("asset_export", task_id="t", progress=1.0, status="completed"),
    text("assets.seed.progress", scanned=3),
    text("notification", value="Waiting for a machine…", id="p"),
    text("logs", entries=[]),
    '{"type": "agent_status", "data": [1]}',
    '{"type": "notification"}',
]

USELESS: list[str | bytes] = [
    "",
    "no json",
    "[]",
    "null",
    '{"type": 1, "data": {}}',
    '{"type": "status"}',
    '{"type": "status", "data": []}',
    '{"type": "progress", "data": {"value": NaN, "max": 3}}',
    '{"type": "progress", "data": {"value": 1, "max": Infinity}}',
    '{"type": "progress", "data": {"value": true, "max": 3}}',
    '{"type": "progress", "data": {"value": "1", "max": 3}}',
    text("progress", value=10**400, max=1),
    text("status", status={"exec_info": {"queue_remaining": None}}),
    text("execution_start", prompt_id=7),
    text("executing", node=["3"], prompt_id="p"),
    text("execution_cached", prompt_id="p", nodes="12"),
    text("progress_state", prompt_id="p", nodes={"3": {"value": 1}}),
    text("crystools.monitor", cpu=1),
    "[" * 100_000,
    b"",
    b"\0\0",
    binary(1, b""),
    binary(1, b"\0\0\0\1"),
    binary(1, struct.pack(">I", 9) + b"no image"),
    binary(2, b"internal"),
    binary(3, b"\xff\xff\xff\xff12"),
    binary(4, b"\xff\xff\xff\xff{}"),
    binary(4, sized(b"\xff\xfe", JPEG)),
    binary(4, sized(b"[]", JPEG)),
    binary(4, sized(b"{}", b"")),
    binary(4, sized(b'{"image_type":"text/html"}', b"<script>")),
    binary(77, b"new"),
]


@pytest.mark.parametrize(("frame", "event"), UNDERSTOOD, ids=lambda value: str(value)[:40])
def test_every_kind_of_message_is_understood(frame: str | bytes, event: Event) -> None:
    """Each frame that the servers send becomes its event."""
    assert parse_message(frame) == event


@pytest.mark.parametrize("frame", OF_OTHERS)
def test_messages_for_the_editor_are_skipped_silently(
    frame: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Messages about agents, downloads and assets don't tell about a run."""
    assert parse_message(frame) == EditorMessage()
    assert not caplog.records


@pytest.mark.parametrize(("frame", "event"), UNDERSTOOD, ids=lambda value: str(value)[:40])
def test_keys_of_the_request_change_nothing(frame: str | bytes, event: Event) -> None:
    """A server may repeat the request's metadata in each message."""
    if isinstance(frame, str):
        message = json.loads(frame)
        message["data"] |= {"workflow_id": "w", "metadata": {"node": "1"}, "timestamp": 1}
        frame = json.dumps(message | {"metadata": {"trace": "t"}})
    assert parse_message(frame) == event


def test_no_kind_of_event_is_left_out() -> None:
    """The table above has an example of every member of the union."""
    assert {type(event) for _, event in UNDERSTOOD} == set(get_args(Event))


@pytest.mark.parametrize("frame", USELESS, ids=lambda frame: repr(frame)[:40])
def test_useless_frames_are_skipped_with_a_warning(
    frame: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The parser returns None for unknown, foreign and malformed frames, and logs one line."""
    with caplog.at_level(logging.WARNING):
        assert parse_message(frame) is None
    assert len(caplog.records) == 1


def test_each_kind_of_message_is_warned_about_once(caplog: pytest.LogCaptureFixture) -> None:
    """A custom node that sends its own message ten times a second doesn't fill the log."""
    skipped = WarnOnce()
    for number in range(100):
        assert parse_message(text("crystools.monitor", cpu=number), skipped) is None
        assert parse_message(text("progress", value=None, max=number), skipped) is None
    assert len(caplog.records) == 2


def test_the_number_of_warnings_is_limited(caplog: pytest.LogCaptureFixture) -> None:
    """If a server makes up a new type every time, the parser stops warning after a while."""
    skipped = WarnOnce(limit=10)
    for number in range(1000):
        parse_message(text(f"type {number}"), skipped)
    assert len(caplog.records) == 10


def test_the_image_bytes_determine_the_preview_type() -> None:
    """The type in the frame counts only if the image's first bytes are unknown."""
    assert parse_message(binary(1, struct.pack(">I", 9) + PNG)) == Preview(None, None, PNG)
    assert parse_message(binary(1, struct.pack(">I", 2) + b"?")) == Preview(None, None, b"?")


KNOWN_TYPES = sorted(
    {json.loads(frame)["type"] for frame, _ in UNDERSTOOD if isinstance(frame, str)}
)
KEYS = [
    "prompt_id",
    "node",
    "node_id",
    "display_node",
    "nodes",
    "value",
    "max",
    "status",
    "sid",
    "output",
    "traceback",
    "exec_info",
    "state",
    "image_type",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=9), inner, max_size=6)
    ),
    max_leaves=20,
)
MESSAGES = st.fixed_dictionaries({"type": st.sampled_from(KNOWN_TYPES), "data": JSON}).map(
    json.dumps
)
BINARIES = st.builds(
    binary,
    st.integers(0, 6),
    st.binary(max_size=80) | st.builds(sized, st.binary(max_size=40), st.binary()),
)


@st.composite
def damaged(draw: st.DrawFn) -> str | bytes:
    """Draw a valid frame with a piece cut out or replaced."""
    frame, _ = draw(st.sampled_from(UNDERSTOOD))
    raw = frame.encode() if isinstance(frame, str) else frame
    start = draw(st.integers(0, len(raw)))
    end = draw(st.integers(start, len(raw)))
    raw = raw[:start] + draw(st.binary(max_size=6)) + raw[end:]
    return raw.decode("utf-8", "replace") if isinstance(frame, str) else raw


@settings(max_examples=examples(400))
@given(st.text() | st.binary() | MESSAGES | BINARIES | damaged())
def test_no_frame_raises_an_error(frame: str | bytes) -> None:
    """For any frame, the parser returns an event of the union or None."""
    event = parse_message(frame, WarnOnce(limit=0))
    assert event is None or isinstance(event, get_args(Event))
