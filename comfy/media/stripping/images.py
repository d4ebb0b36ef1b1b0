"""Strip images: GIF keeps frames, their timing and the loop count; JPEG tables, frames, scans, the
color profile and the orientation; PNG and APNG the chunks that define how pixels look, up to their
specified length."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from comfy.media.png import PNG_SIGNATURE, png_chunk
from comfy.media.reader import DAMAGED, MAX_TEXT, Reader
from comfy.media.stripping.pieces import (
    MOST_PROFILE,
    CannotStrip,
    FilePiece,
    Span,
    is_color_profile,
    orientation_only,
)

_HEAD = 13
_FRAME, _EXTENSION, _GIF_END = b",", b"!", b";"
_TIMING, _APPLICATION = 0xF9, 0xFF
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
# SOF, DHT, DAC, DQT, DNL, DRI
_KEPT = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD}) - {0xC8}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_WINDOW = 64 * 1024
_MOST_PARTS = 255  # parts of a color profile
_MOST = 0x7FFFFFFF
_PNG_KEPT: Mapping[bytes, int] = MappingProxyType(  # and the most bytes that are allowed
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
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_EXIF, _ICC = b"Exif\0\0", b"ICC_PROFILE\0"


def gif_pieces(reader: Reader) -> Iterator[FilePiece]:
    """Yield the pieces of a GIF. Raises DamagedFile or CannotStrip."""
    reader.position = 0
    _skip_colors(reader, reader.take(_HEAD)[10])
    yield Span(0, reader.position)
    has_frame = False
    while (kind := reader.take(1)) != _GIF_END:
        start = reader.position - 1
        if kind == _FRAME:
            _skip_colors(reader, reader.take(9)[8])
            reader.take(1)  # LZW minimum code size
            _skip_blocks(reader)
            yield Span(start, reader.position)
            has_frame = True
        elif kind == _EXTENSION:
            label = reader.number(1)
            first = reader.take(reader.number(1))
            if label == _APPLICATION and first in _LOOPS:
                yield from _loop_count(reader, first)
            if first:
                _skip_blocks(reader)
            if label == _TIMING and len(first) == 4:
                yield b"!\xf9\4" + first + b"\0"
        else:
            raise CannotStrip(DAMAGED)
    if not has_frame:
        raise CannotStrip(DAMAGED)
    yield _GIF_END


def _loop_count(reader: Reader, name: bytes) -> Iterator[bytes]:
    start = reader.position
    block = reader.take(min(4, reader.left))
    if block[:2] == b"\3\1":
        yield b"!\xff\x0b" + name + block + b"\0"
    reader.position = start


def _skip_blocks(reader: Reader) -> None:
    while length := reader.number(1):
        reader.position += length


def _skip_colors(reader: Reader, flags: int) -> None:
    """Skip the color table that these flags declare."""
    reader.position += 3 * 2 ** (flags % 8 + 1) if flags & 0x80 else 0


def jpeg_pieces(reader: Reader) -> Iterator[FilePiece]:
    """Yield the pieces of a JPEG up to its end marker. Raises DamagedFile or CannotStrip."""
    pieces: list[FilePiece] = [struct.pack(">BB", 0xFF, _START)]
    reader.position = 2
    profile: list[bytes] = []
    profile_at, has_scan, has_exif = 0, False, False
    while (marker := _marker(reader)) != _END:
        start, length = reader.position - 2, reader.number(2)
        if marker in _ALONE or length < 2 or start + 2 + length > reader.size:
            raise CannotStrip(DAMAGED)
        if marker == _SCAN:
            has_scan, reader.position = True, _end_of_scan(reader, start + 2 + length)
            pieces.append(Span(start, reader.position))
            continue
        if marker in _KEPT:
            pieces.append(Span(start, start + 2 + length))
        elif marker in (_APP0, _APP1, _APP2, _APP14):
            data = reader.take(length - 2)
            if marker == _APP0 and data[:5] == b"JFIF\0" and len(data) >= 14:
                pieces.append(_segment(marker, data[:12] + bytes(2)))  # no thumbnail
            elif marker == _APP14 and data[:5] == b"Adobe" and len(data) >= 12:
                pieces.append(_segment(marker, data[:12]))
            elif marker == _APP1 and data[:6] == _EXIF and not has_exif:
                has_exif = True
                if exif := orientation_only(data[6:]):
                    pieces.append(_segment(marker, _EXIF + exif))
            elif marker == _APP2 and data[:12] == _ICC and len(profile) < _MOST_PARTS:
                profile_at = profile_at or len(pieces)
                profile.append(data)
        reader.position = start + 2 + length
    if not has_scan:
        raise CannotStrip(DAMAGED)
    if is_color_profile(b"".join(part[len(_ICC) + 2 :] for part in profile)):
        pieces[profile_at:profile_at] = [_segment(_APP2, part) for part in profile]
    yield from pieces
    yield struct.pack(">BB", 0xFF, _END)


def _marker(reader: Reader) -> int:
    if reader.number(1) != 0xFF:
        raise CannotStrip(DAMAGED)
    while (marker := reader.number(1)) == 0xFF:  # fill bytes
        pass
    return marker


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _end_of_scan(reader: Reader, start: int) -> int:
    """Return the position of the marker after the compressed pixels."""
    reader.position = start
    while reader.left >= 2:
        window = reader.take(min(_WINDOW, reader.left))
        if match := _NEXT_MARKER.search(window):
            return reader.position - len(window) + match.start()
        if reader.left:
            reader.position -= 1  # a marker may span two windows
    raise CannotStrip(DAMAGED)


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
        if length <= _PNG_KEPT.get(kind, -1):
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
    return png_chunk(b"eXIf", exif) if exif else b""


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
    return png_chunk(b"iCCP", b"ICC\0\0" + zlib.compress(profile))


# Only the first chunk of each kind.
_REWRITTEN: Mapping[bytes, Callable[[bytes], bytes]] = MappingProxyType(
    {b"iCCP": _color_profile, b"eXIf": _orientation}
)
