"""Strip JPEG: keep tables, frames, scans and the color profile, and only the orientation from
EXIF."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from comfy.media.reader import DAMAGED, Reader
from comfy.media.stripping.pieces import (
    CannotStrip,
    FilePiece,
    Span,
    is_color_profile,
    orientation_only,
)

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
# SOF, DHT, DAC, DQT, DNL, DRI
_KEPT = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD}) - {0xC8}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_WINDOW = 64 * 1024
_MOST_PARTS = 255  # parts of a color profile
_EXIF, _ICC = b"Exif\0\0", b"ICC_PROFILE\0"


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
