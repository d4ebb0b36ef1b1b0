"""Parse frames of ComfyUI's `/ws`, text and binary, into events. No sockets here.

`parse_message` converts one text or binary frame to an `Event`, or None for a frame without use:
unknown, malformed or internal. It never raises. Binary frames are big-endian: a u32 type, then a
payload that depends on the type (docs/comfyui.md#2).
"""

from __future__ import annotations

import logging
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from comfy.base.json_values import as_number, parse_json
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

_MOST_KINDS = 100

log = logging.getLogger(__name__)
MOST_FRAMES = 1000  # in an animation of previews
_LONGEST_ID = 1000  # of a node; inside subgraphs, an id contains the ids of all enclosing nodes
_LONGEST_NOTE = 2000  # characters of the text that a node shows while it works
FASTEST_ANIMATION = 120.0  # frames per second
# Messages for the editor and for other programs (docs/comfyui.md#56).
_FOR_EDITORS = frozenset(
    {
        "agent_status",
        "asset_download",
        "asset_export",
        "autoQueueGraphChanged",
        "graphChanged",
        "logs",
        "notification",
        "promptQueued",
    }
)
_STARTS = (b"\xff\xd8\xff", b"\x89PNG")  # first bytes of JPEG and PNG
# Bytes before an animation's frame: three u32, with or without the node's id.
_FRAME_STARTS = (12, 28)
_TYPES: frozenset[object] = frozenset({1, 2, "image/jpeg", "image/png"})


class WarnOnce:
    """Logger of one warning per kind of unusable message. Thread-safe; share one among all sockets
    of a process.

    The server controls the kinds, so only 100 of them are remembered; after that there are no
    more warnings.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: set[str] = set()

    def __call__(self, kind: str, reason: str) -> None:
        """Log that messages of this kind are skipped, unless it was logged before."""
        with self._lock:
            if kind in self._kinds or len(self._kinds) >= _MOST_KINDS:
                return
            self._kinds.add(kind)
        log.warning("Ignoring ComfyUI messages: %s (%s)", kind, reason)


def parse_message(data: str | bytes, skipped: WarnOnce | None = None) -> Event | None:
    """Parse one frame of `/ws`. Return None, with one warning through `skipped`, if it isn't
    usable.

    `str` is a text frame (JSON), `bytes` a binary one.
    """
    warn = skipped or WarnOnce()
    try:
        return _parse_binary(data, warn) if isinstance(data, bytes) else _parse_text(data, warn)
    except _Malformed as error:
        warn(f"malformed {error.kind}", str(error))
        return None


class _Malformed(Exception):
    """A message doesn't have the shape of its kind."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


class _Data(dict[str, Any]):
    """The `data` of a text message, with checked access; a missing key reads as None."""

    def text(self, key: str) -> str:
        value = self.get(key)
        if isinstance(value, str):
            return value
        raise ValueError(f"{key} is not a string")

    def optional_text(self, key: str) -> str | None:
        return None if self.get(key) is None else self.text(key)

    def loose_text(self, key: str) -> str:
        value = self.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> float:
        value = as_number(self.get(key))
        if value is None or abs(value) > sys.float_info.max:  # an integer too large for a float
            raise ValueError(f"{key} is not a number")
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        value = self.get(key)
        if isinstance(value, dict):
            return value
        raise ValueError(f"{key} is not an object")

    def node(self, key: str) -> str | None:
        # Ids are strings in a prompt, but some custom nodes report numbers.
        value = self.get(key)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        node = str(value) if is_number else self.optional_text(key)
        if node is not None and len(node) > _LONGEST_ID:
            raise ValueError(f"{key} is too long")
        return node


def _parse_text(text: str, warn: WarnOnce) -> Event | None:
    try:
        frame = parse_json(text)
    except ValueError as error:
        raise _Malformed("text frame", str(error)[:200]) from None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise _Malformed("text frame", "not an object with a type")
    kind = frame["type"][:80]
    parser = _TEXT.get(kind)
    if kind in _FOR_EDITORS or kind.startswith("assets."):
        return EditorMessage()
    if parser is None:
        warn(f"unknown type {kind!r}", "text frame")
        return None
    data = frame.get("data")
    if not isinstance(data, dict):
        raise _Malformed(kind, "data is not an object")
    try:
        return parser(_Data(data))
    except (ValueError, OverflowError) as error:
        raise _Malformed(kind, str(error)[:200]) from None


def _status(data: _Data) -> Status:
    info = _Data(_Data(data.mapping("status")).mapping("exec_info"))
    return Status(int(info.number("queue_remaining")), data.optional_text("sid"))


def _cached(data: _Data) -> ExecutionCached:
    nodes = data.get("nodes")
    if not isinstance(nodes, list):
        raise ValueError("nodes is not a list")
    return ExecutionCached(
        data.text("prompt_id"), tuple(node for node in nodes if isinstance(node, str))
    )


def _executing(data: _Data) -> Executing:
    return Executing(data.node("node"), data.optional_text("prompt_id"), data.node("display_node"))


def _progress(data: _Data) -> Progress:
    return Progress(
        data.number("value"), data.number("max"), data.node("node"), data.optional_text("prompt_id")
    )


def _progress_state(data: _Data) -> ProgressState:
    nodes = []
    for node, values in data.mapping("nodes").items():
        if isinstance(values, dict):
            node_data = _Data(values)
            shown = node_data.node("display_node_id") or node
            nodes.append(
                NodeProgress(
                    node,
                    shown,
                    node_data.number("value"),
                    node_data.number("max"),
                    node_data.loose_text("state"),
                )
            )
    return ProgressState(data.text("prompt_id"), tuple(nodes))


def _executed(data: _Data) -> Executed:
    # A finished node without anything to show answers with "output": null.
    output = data.mapping("output") if data.get("output") is not None else {}
    shown = data.node("display_node")
    return Executed(data.text("prompt_id"), data.node("node") or shown or "", output, shown)


def _error(data: _Data) -> ExecutionError:
    return ExecutionError(
        data.text("prompt_id"),
        data.node("node_id"),
        data.loose_text("node_type"),
        data.loose_text("exception_type"),
        data.loose_text("exception_message").strip(),
    )


def _animated(data: _Data) -> AnimatedPreviews:
    frames, rate = data.number("length"), data.number("rate")
    if not (1 <= frames <= MOST_FRAMES and 0 < rate <= FASTEST_ANIMATION):
        raise ValueError(f"{frames:g} frames at {rate:g} per second")
    return AnimatedPreviews(int(frames), rate)


_TEXT: Mapping[str, Callable[[_Data], Event]] = MappingProxyType(
    {
        "status": _status,
        "feature_flags": lambda _: FeatureFlags(),
        "execution_start": lambda data: ExecutionStart(data.text("prompt_id")),
        "execution_cached": _cached,
        "executing": _executing,
        "progress": _progress,
        "VHS_latentpreview": _animated,
        "progress_state": _progress_state,
        "executed": _executed,
        "execution_success": lambda data: ExecutionSuccess(data.text("prompt_id")),
        "execution_error": _error,
        "execution_interrupted": lambda data: ExecutionInterrupted(
            data.text("prompt_id"), data.node("node_id")
        ),
    }
)
# The types of text messages that are read or skipped on purpose.
KNOWN_TYPES = _FOR_EDITORS | _TEXT.keys()


def _parse_binary(frame: bytes, warn: WarnOnce) -> Event | None:
    kind, payload = _u32(frame, "binary frame")
    parser = _BINARY.get(kind)
    if parser is None:
        warn(f"unknown binary type {kind}", f"{len(frame)} bytes")
        return None
    return parser(payload)


def _u32(data: bytes, kind: str) -> tuple[int, bytes]:
    if len(data) < 4:
        raise _Malformed(kind, f"{len(data)} bytes, at least 4 needed")
    return struct.unpack_from(">I", data)[0], data[4:]


def _sized(data: bytes, kind: str) -> tuple[bytes, bytes]:
    """Split data into a part with its length before it, and the rest."""
    length, rest = _u32(data, kind)
    if length > len(rest):
        raise _Malformed(kind, f"length {length}, but only {len(rest)} bytes")
    return rest[:length], rest[length:]


def _check_image(image: bytes, image_type: object, kind: str) -> None:
    """Raise _Malformed if the image isn't JPEG or PNG. The type from the frame only counts if the
    first bytes are unknown."""
    if not image:
        raise _Malformed(kind, "no image data")
    if not image.startswith(_STARTS) and image_type not in _TYPES:
        raise _Malformed(kind, f"image type {image_type!r}")


def _preview(payload: bytes) -> Preview:
    code, image = _u32(payload, "preview")
    for start in _FRAME_STARTS:  # for an animation: docs/comfyui.md#46
        if len(payload) > start and payload[start:].startswith(_STARTS):
            return Preview(None, None, payload[start:], frame=_u32(payload[8:], "preview")[0])
    _check_image(image, code, "preview")
    return Preview(None, None, image)


def _preview_with_metadata(payload: bytes) -> Preview:
    kind = "preview with metadata"
    head, image = _sized(payload, kind)
    try:
        metadata = parse_json(head)
        if not isinstance(metadata, dict):
            raise ValueError("metadata is not an object")  # noqa: TRY301 - one answer for all
        data = _Data(metadata)
        node = data.node("display_node_id") or data.node("node_id")
        prompt_id = data.optional_text("prompt_id")
        image_type = data.optional_text("image_type")
    except ValueError as error:
        raise _Malformed(kind, str(error)[:200]) from None
    _check_image(image, image_type, kind)
    return Preview(node, prompt_id, image)


def _progress_text(payload: bytes) -> ProgressText:
    node, text = _sized(payload, "progress text")
    prompt_id = None
    # Some servers put the prompt's id before the node's (docs/comfyui.md#56). The letters of a text
    # can't be a length: they would make more than 100 MB.
    with suppress(_Malformed):
        inner, rest = _sized(text, "progress text")
        prompt_id, node, text = node[:_LONGEST_ID].decode("utf-8", "replace"), inner, rest
    shown_node, shown_text = node[:_LONGEST_ID], text[:_LONGEST_NOTE]
    return ProgressText(
        shown_node.decode("utf-8", "replace"), shown_text.decode("utf-8", "replace"), prompt_id
    )


_BINARY: Mapping[int, Callable[[bytes], Event]] = MappingProxyType(
    {1: _preview, 3: _progress_text, 4: _preview_with_metadata}
)
