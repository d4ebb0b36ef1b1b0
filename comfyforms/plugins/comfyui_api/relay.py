"""Frames of `/ws` for clients that follow a run through this app. Pure.

ComfyUI's frames pass unchanged; this module creates the few that depend on the client, in ComfyUI's
own format (docs/comfyui.md#1, docs/comfyui.md#5).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from comfy.base.json_values import json_or_none
from comfy.comfyui.protocol.relay import text_frame

_PREVIEW, _PREVIEW_WITH_METADATA = 1, 4
_JPEG = b"\xff\xd8\xff"
_IMAGE_TYPES = {_JPEG: 1, b"\x89PNG": 2}  # first bytes of a file, and its type in frames
# Keys by kind of message. Newer servers add a client's own texts (docs/comfyui.md#56).
_OF_PROGRESS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "execution_start": ("prompt_id", "timestamp"),
        "execution_cached": ("nodes", "prompt_id", "timestamp"),
        "executing": ("node", "display_node", "prompt_id"),
        "progress": ("value", "max", "prompt_id", "node"),
        "progress_state": ("prompt_id", "nodes"),
        "execution_success": ("prompt_id", "timestamp"),
        "execution_interrupted": ("prompt_id", "node_id", "node_type", "executed", "timestamp"),
        "execution_error": ("prompt_id", "node_id", "node_type"),
    }
)


def greeting(client_id: str, unfinished: int) -> str:
    """Return a socket's first frame, with the client's id and the number of waiting and running
    prompts."""
    return text_frame("status", status=queue_info(unfinished), sid=client_id)


def status(unfinished: int) -> str:
    """Return the frame with a new number of waiting and running prompts."""
    return text_frame("status", status=queue_info(unfinished))


def queue_info(unfinished: int) -> dict[str, Any]:
    """Return the number of waiting and running prompts in ComfyUI's format."""
    return {"exec_info": {"queue_remaining": unfinished}}


def feature_flags() -> str:
    """Return the answer to a client's first frame, which has its flags."""
    return text_frame("feature_flags", supports_preview_metadata=True)


def wants_metadata(text: str) -> bool | None:
    """Tell if a client sets the flag for previews with metadata; None if its frame has no flags."""
    parsed = json_or_none(text)
    if not isinstance(parsed, dict) or parsed.get("type") != "feature_flags":
        return None
    flags = parsed.get("data")
    return isinstance(flags, dict) and bool(flags.get("supports_preview_metadata"))


def is_preview(frame: str | bytes) -> bool:
    """Tell if this frame is a preview."""
    return isinstance(frame, bytes) and _kind(frame) in (_PREVIEW, _PREVIEW_WITH_METADATA)


def is_latent_preview(frame: str | bytes) -> bool:
    """Tell if this frame is a preview of a sampler, which is a JPEG. Nodes that send their results
    over the socket send PNG."""
    if not isinstance(frame, bytes) or not is_preview(frame):
        return False
    return without_metadata(frame)[8:].startswith(_JPEG)


def without_metadata(frame: bytes) -> bytes:
    """Return a preview as ComfyUI sends it to a client without the flag; any other frame
    unchanged."""
    if _kind(frame) != _PREVIEW_WITH_METADATA or len(frame) < 8:
        return frame
    (length,) = struct.unpack_from(">I", frame, 4)
    image = frame[8 + length :]
    codes = (code for start, code in _IMAGE_TYPES.items() if image.startswith(start))
    return struct.pack(">II", _PREVIEW, next(codes, 1)) + image


def progress_alone(frame: str | bytes) -> str | None:
    """Return a frame's progress without inputs and results, or None. ComfyUI's errors may contain
    texts of the prompt."""
    if isinstance(frame, bytes):
        return None
    match json_or_none(frame):
        case {"type": str(kind), "data": dict(data)} if names := _OF_PROGRESS.get(kind):
            return text_frame(kind, **{name: data[name] for name in names if name in data})
    return None


def executing(run_id: str, node: str) -> str:
    """Return the frame that says which node of a prompt is executed."""
    return text_frame("executing", node=node, display_node=node, prompt_id=run_id)


def own_subfolder(run_id: str, subfolder: str) -> str:
    """Return the subfolder under which clients of the app find a result. Names on different servers
    would clash without the run's id."""
    return f"{run_id}/{subfolder}" if subfolder else run_id


def with_own_names(frame: str | bytes, run_id: str) -> str | bytes | None:
    """Return a frame with the app's names of a run's results. None for a server's status, which
    counts its own prompts only."""
    if isinstance(frame, bytes) or not ('"executed"' in frame or '"status"' in frame):
        return frame
    match json_or_none(frame):
        case {"type": "status"}:
            return None
        case {"type": "executed", "data": {"output": dict(output), **data}}:
            shown = {key: _own_names(value, run_id) for key, value in output.items()}
            return json.dumps({"type": "executed", "data": {**data, "output": shown}})
    return frame


def _own_names(value: Any, run_id: str) -> object:  # noqa: ANN401 - any JSON value
    match value:
        case list():
            return [_own_names(one, run_id) for one in value]
        case {"filename": str(), "subfolder": str(subfolder), "type": str()}:
            return {**value, "subfolder": own_subfolder(run_id, subfolder)}
    return value


def is_last(frame: str | bytes, run_id: str) -> bool:
    """Return whether a frame is the last one of a prompt."""
    if not isinstance(frame, str) or '"executing"' not in frame:
        return False
    match json_or_none(frame):
        case {"type": "executing", "data": {"node": None, "prompt_id": prompt_id}}:
            return bool(prompt_id == run_id)
    return False


def _kind(frame: bytes) -> int:
    return int(struct.unpack_from(">I", frame)[0]) if len(frame) >= 4 else 0
