"""Blocks that several image formats embed: color profiles and the EXIF orientation."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType

_BYTE_ORDERS: Mapping[bytes, str] = MappingProxyType({b"II*\0": "<", b"MM\0*": ">"})
_ORIENTATION, _SHORT = 0x0112, 3  # tag and type of an entry
_ENTRY = 12  # bytes
_MOST_ENTRIES = 200
MOST_PROFILE = 4 * 1024 * 1024  # bytes
_PROFILE_HEAD = 128


def is_color_profile(data: bytes) -> bool:
    """Return whether this is an ICC profile with nothing after it."""
    return (
        _PROFILE_HEAD <= len(data) <= MOST_PROFILE
        and data[36:40] == b"acsp"
        and int.from_bytes(data[:4], "big") == len(data)
    )


def orientation_only(tiff: bytes) -> bytes:
    """Return an EXIF block, as a bare TIFF, with only the orientation of this one.

    Empty if the image is upright or the block can't be read.
    """
    order = _BYTE_ORDERS.get(tiff[:4])
    if order is None:
        return b""
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for offset in range(start + 2, start + 2 + _ENTRY * min(count, _MOST_ENTRIES), _ENTRY):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, offset)
            if (tag, kind) == (_ORIENTATION, _SHORT) and 2 <= value <= 8:
                entry = struct.pack(">HHIHH", _ORIENTATION, _SHORT, 1, value, 0)
                return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    except struct.error:
        pass
    return b""
