"""ComfyUI's binary WebSocket frames: big-endian u32 type, then the payload (docs/comfyui.md#2)."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping

PREVIEW = 1
_PROGRESS_TEXT = 3
PREVIEW_WITH_METADATA = 4
_JPEG = 1


def preview_frame(jpeg: bytes) -> bytes:
    """Return a frame of type 1: image type, then the file. For clients that set no feature flag."""
    return struct.pack(">II", PREVIEW, _JPEG) + jpeg


def progress_text(text: str, node_id: str, prompt_id: str | None) -> bytes:
    """Return a frame of type 3: length and id of the node, then the text. A prompt id comes before
    them in the same way (docs/comfyui.md#56)."""
    ids = [one.encode() for one in (prompt_id, node_id) if one is not None]
    sized = b"".join(struct.pack(">I", len(one)) + one for one in ids)
    return struct.pack(">I", _PROGRESS_TEXT) + sized + text.encode()


def preview_with_metadata(jpeg: bytes, prompt_id: str, about: Mapping[str, str | None]) -> bytes:
    """Return a frame of type 4: length and JSON of the preview's metadata, then the file. `about`:
    the ids of its node."""
    metadata = {**about, "prompt_id": prompt_id, "image_type": "image/jpeg"}
    encoded = json.dumps(metadata).encode()
    return struct.pack(">II", PREVIEW_WITH_METADATA, len(encoded)) + encoded + jpeg
