"""Paint the pictures, videos and sounds that a workflow names and the server doesn't have."""

from __future__ import annotations

import io
import re

from comfyui_standin.nodes.media import flac_bytes
from comfyui_standin.nodes.music import music
from comfyui_standin.nodes.video import mp4
from comfyui_standin.painter.paint import Brief, paint

_SIDE, _FRAMES, _FPS, _SECONDS = 512, 24, 12.0, 6.0
_FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP"}


def painting(name: str) -> bytes:
    """Return a file of what its name says: a picture, or a video or sound if the name ends so."""
    stem, _, ending = name.rpartition("/")[2].partition(" [")[0].rpartition(".")
    words, ending = re.sub(r"[\W_]+", " ", stem)[:100], ending.lower()
    if ending in ("mp3", "wav", "flac", "ogg", "opus", "m4a"):
        return flac_bytes(music(words, _SECONDS, 0))
    brief = Brief(words, "", 1, 0, _SIDE, _SIDE, 20, 7.0, "euler", "normal", "")
    image = paint(brief, _SIDE)
    if ending in ("mp4", "webm", "mov", "mkv", "avi"):  # the camera moves to the right
        shown = _SIDE - _FRAMES * 4
        return mp4([image.crop((4 * n, 0, 4 * n + shown, shown)) for n in range(_FRAMES)], _FPS)
    data = io.BytesIO()
    image.save(data, _FORMATS.get(ending, "PNG"))
    return data.getvalue()
