"""ComfyUI's binary WebSocket frames: big-endian u32 type, then the payload (docs/comfyui.md#2)."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping

PREVIEW = 1
PREVIEW_WITH_METADATA = 4
_JPEG = 1


def preview_frame(jpeg: bytes) -> bytes:
    """Return a frame of type 1: image type, then the file. For clients that set no feature flag."""
    return struct.pack(">II", PREVIEW, _JPEG) + jpeg


def preview_with_metadata(jpeg: bytes, prompt_id: str, node_id: str) -> bytes:
    """Return a frame of type 4: length and JSON of the preview's metadata, then the file."""
    metadata: Mapping[str, str | None] = {
        "node_id": node_id,
        "prompt_id": prompt_id,
        "display_node_id": node_id,
        "parent_node_id": None,
        "real_node_id": node_id,
        "image_type": "image/jpeg",
    }
    encoded = json.dumps(metadata).encode()
    return struct.pack(">II", PREVIEW_WITH_METADATA, len(encoded)) + encoded + jpeg
