"""Messages of ComfyUI: events, outputs and animated previews."""

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
from comfy.comfyui.protocol.outputs import read_outputs
from comfy.comfyui.protocol.parse import WarnOnce, parse_message
from comfy.comfyui.protocol.responses import Queue, parse_history, parse_queue, parse_submitted
from comfy.comfyui.protocol.run_state import RunState, advance, settled, waiting
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
    skipped = WarnOnce()
    for number in range(1000):
        parse_message(text(f"type {number}"), skipped)
    assert len(caplog.records) == 100


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
    event = parse_message(frame)
    assert event is None or isinstance(event, get_args(Event))


def test_outputs_of_every_shape() -> None:
    """The parser finds files under any key and takes their type from the extension, then from the
    key. Texts stay texts."""
    files, texts = read_outputs(
        "9",
        {
            "images": [
                {"filename": "a.webp"},
                {"filename": "clip.MP4", "subfolder": "v", "type": "temp"},
                None,
                3,
            ],
            "gifs": [{"filename": "b.gif"}, {"filename": "noext"}],
            "audio": [{"filename": "c.flac"}],
            "3d": [{"filename": "d.glb"}],
            "odd": [
                {"filename": "e.xyz", "subfolder": "", "type": "output"},
                {"filename": ""},
                {"filename": 7},
            ],
            "animated": [True],
            "text": ["hello", 5],
            "broken": {"not": "a list"},
        },
    )
    assert [(file.filename, file.kind) for file in files] == [
        ("a.webp", "image"),
        ("clip.MP4", "video"),
        ("b.gif", "image"),
        ("noext", "video"),
        ("c.flac", "audio"),
        ("d.glb", "3d"),
        ("e.xyz", "file"),
    ]
    assert [text.text for text in texts] == ["hello"]


ASSET, OTHER = "3f0c7c52-0d6e-4d4b-9a0e-3a6a5cf0a111", "c0ffee00-0d6e-4d4b-9a0e-3a6a5cf0a222"


@pytest.mark.parametrize(
    ("display_name", "name"),
    [
        ("A red cat.png", "A red cat.png"),
        ("A red cat", "A red cat.png"),
        ("cat.PNG", "cat.PNG"),
        ("cat.exe", "cat.exe.png"),
        ("../up/cat.png", "cat.png"),
        ("a\r\nb.png", "a__b.png"),
        ("  ", "0a1b.png"),
        ("0a1b.png", "0a1b.png"),
        (7, "0a1b.png"),
        (None, "0a1b.png"),
    ],
)
def test_a_display_name_is_shown_with_the_files_own_ending(display_name: Any, name: str) -> None:
    """The name is safe for headers and folders, and its ending tells the file's real type."""
    item = {"filename": "0a1b.png", "display_name": display_name}
    (file,), _ = read_outputs("9", {"images": [item]})
    assert (file.name, file.filename) == (name, "0a1b.png")


@pytest.mark.parametrize(
    ("item", "preview_id"),
    [
        ({"id": ASSET, "preview_id": OTHER}, OTHER),
        ({"preview_id": OTHER}, OTHER),
        ({"id": ASSET, "preview_id": ASSET}, ""),
        ({"preview_id": "../../system_stats"}, ""),
        ({"preview_id": 7}, ""),
        ({"id": ASSET}, ""),
    ],
)
def test_a_preview_is_another_asset(item: dict[str, Any], preview_id: str) -> None:
    """A file that is its own preview has none, and neither has one with a malformed id."""
    (file,), _ = read_outputs("9", {"3d": [{"filename": "a.glb", **item}]})
    assert file.preview_id == preview_id


def test_outputs_of_a_loop_belong_to_the_prompts_node() -> None:
    """The history has them under the ids of the loop's copies."""
    copies = [f"12.0.0.{number}_9" for number in range(3)]
    entry = {
        "outputs": {
            copy: {"images": [{"filename": f"{number}.png"}], "animated": [False], "note": number}
            for number, copy in enumerate(copies)
        },
        "meta": {copy: {"node_id": copy, "display_node": "9"} for copy in copies},
    }
    history = parse_history({"p": entry}, "p")
    prompt = {"9": {"class_type": "SaveImage", "inputs": {}}}
    state = settled(waiting("p", prompt, outputs=["9"]), history)
    assert [(file.node, file.filename) for file in state.files] == [
        ("9", "0.png"),
        ("9", "1.png"),
        ("9", "2.png"),
    ]


OUTPUTS_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["p", "prompt_id", "node_errors", "status", "messages", "outputs", "queue_pending"]
            ),
            inner,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=examples(200))
@given(OUTPUTS_JSON)
def test_malformed_answers_are_read_as_far_as_possible(answer: Any) -> None:
    """No JSON from a server breaks the parsers of its answers. Only a missing prompt id is an
    error."""
    assert isinstance(parse_queue(answer), Queue)
    entry = parse_history(answer, "p")
    assert entry is None or settled(waiting("p", {}), entry).phase.finished
    try:
        assert parse_submitted(json.loads(json.dumps(answer))).prompt_id
    except ValueError:
        told = answer.get("prompt_id") if isinstance(answer, dict) else None
        assert not (isinstance(told, str) and told and told.isascii())


ANIMATED_JPEG = b"\xff\xd8\xff\xe0 a frame"


def frame(at: int, node: bytes = b"") -> bytes:
    """Return a binary message: preview, JPEG, JPEG again, the frame's place and, in later versions,
    the node's id in 16 bytes."""
    return (
        struct.pack(">IIII", 1, 1, 1, at)
        + (struct.pack("16p", node) if node else b"")
        + ANIMATED_JPEG
    )


@pytest.mark.parametrize("node", [b"", b"3", b"57:12"])
@pytest.mark.parametrize("at", [0, 7, 1000])
def test_an_animation_frame_has_an_index(at: int, node: bytes) -> None:
    """The parser removes everything before the image, in both versions of the message."""
    assert parse_message(frame(at, node), WarnOnce()) == Preview(
        None, None, ANIMATED_JPEG, frame=at
    )


def test_a_single_preview_has_no_frame_index() -> None:
    """ComfyUI's own previews have no frame number."""
    assert parse_message(struct.pack(">II", 1, 1) + ANIMATED_JPEG, WarnOnce()) == Preview(
        None, None, ANIMATED_JPEG
    )


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
    events = [AnimatedPreviews(4, 8.0), Preview(None, None, ANIMATED_JPEG, frame=2)]
    for event in [Preview(None, "p", ANIMATED_JPEG), *events]:
        state = advance(state, event)
    assert state.animation == AnimatedPreviews(4, 8.0)
    assert (state.preview_number, state.preview) == (2, Preview(None, None, ANIMATED_JPEG, frame=2))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_preview_or_nothing(data: bytes) -> None:
    """No content of a preview message makes the parser fail."""
    event = parse_message(struct.pack(">II", 1, 1) + data, WarnOnce())
    assert event is None or isinstance(event, Preview)
