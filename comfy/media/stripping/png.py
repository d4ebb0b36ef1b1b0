"""Strip PNG and APNG: keep the chunks that define how pixels look, up to their specified length."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from comfy.media.png import PNG_SIGNATURE
from comfy.media.reader import DAMAGED, MAX_TEXT, Reader
from comfy.media.stripping.pieces import (
    MOST_PROFILE,
    CannotStrip,
    FilePiece,
    Span,
    is_color_profile,
    orientation_only,
)

_MOST = 0x7FFFFFFF
_KEPT: Mapping[bytes, int] = MappingProxyType(  # and the most bytes that the specification allows
    {
        b"IHDR": 13,
        b"PLTE": 768,
        b"IDAT": _MOST,
        b"IEND": 0,
        b"tRNS": 256,
        b"gAMA": 4,
        b"cHRM": 32,
        b"sRGB": 1,
        b"pHYs": 9,
        b"bKGD": 6,
        b"sBIT": 4,
        b"cICP": 4,
        b"mDCV": 24,
        b"cLLI": 8,
        b"acTL": 8,
        b"fcTL": 26,
        b"fdAT": _MOST,
    }
)


def png_pieces(reader: Reader) -> Iterator[FilePiece]:
    """Yield the pieces of a PNG. Raises DamagedFile or CannotStrip."""
    yield PNG_SIGNATURE
    reader.position = len(PNG_SIGNATURE)
    kind = b""
    seen: set[bytes] = set()
    while kind != b"IEND":
        start = reader.position
        length, kind = struct.unpack(">I4s", reader.take(8))
        end = start + length + 12
        if end > reader.size:
            raise CannotStrip(DAMAGED)
        if length <= _KEPT.get(kind, -1):
            yield Span(start, end)
        elif kind in _REWRITTEN and length <= MAX_TEXT and kind not in seen:
            yield _REWRITTEN[kind](reader.take(length))
        seen.add(kind)
        reader.position = end
    if b"IDAT" not in seen:
        raise CannotStrip(DAMAGED)


def _orientation(data: bytes) -> bytes:
    """Return the chunk with only the orientation; empty for an upright image."""
    exif = orientation_only(data)
    return _chunk(b"eXIf", exif) if exif else b""


def _color_profile(data: bytes) -> bytes:
    """Return the chunk without the profile's name; empty if it isn't a color profile."""
    _, _, packed = data.partition(b"\0")
    inflating = zlib.decompressobj()
    try:
        profile = inflating.decompress(packed[1:], MOST_PROFILE + 1)
    except zlib.error:
        return b""
    if not inflating.eof or not is_color_profile(profile):
        return b""
    return _chunk(b"iCCP", b"ICC\0\0" + zlib.compress(profile))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


# Only the first chunk of each kind.
_REWRITTEN: Mapping[bytes, Callable[[bytes], bytes]] = MappingProxyType(
    {b"iCCP": _color_profile, b"eXIf": _orientation}
)
