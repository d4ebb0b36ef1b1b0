"""Blocks that several image formats embed: color profiles and the EXIF orientation."""

from __future__ import annotations

import struct

from PIL import Image

_ORIENTATION = 0x0112
_MOST_PROFILE = 4 * 1024 * 1024  # bytes
_PROFILE_HEAD = 128


def is_color_profile(data: bytes) -> bool:
    """Return whether this is an ICC profile and nothing behind it."""
    return (
        _PROFILE_HEAD <= len(data) <= _MOST_PROFILE
        and data[36:40] == b"acsp"
        and int.from_bytes(data[:4], "big") == len(data)
    )


def orientation_only(tiff: bytes) -> bytes:
    """Return an EXIF block with the orientation of this one, as a bare TIFF.

    Empty where the image is upright or the block can't be read.
    """
    block = Image.Exif()
    try:
        block.load(tiff)
        orientation = block.get(_ORIENTATION)
    # Pillow's parsers raise exceptions of any kind for hostile files.
    except Exception:  # noqa: BLE001
        return b""
    if not isinstance(orientation, int) or not 2 <= orientation <= 8:
        return b""
    entry = struct.pack(">HHIHH", _ORIENTATION, 3, 1, orientation, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
