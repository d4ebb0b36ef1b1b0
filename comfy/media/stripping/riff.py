"""Strip RIFF: WebP images, including animated ones, and WAV sounds."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from comfy.media.reader import DAMAGED, MAX_TEXT, Reader
from comfy.media.stripping.pieces import (
    CannotStrip,
    FilePiece,
    Span,
    is_color_profile,
    orientation_only,
)

_MOST = 0xFFFFFFFF
_WEBP: Mapping[bytes, int] = MappingProxyType(  # and the most bytes that each may have
    {b"VP8 ": _MOST, b"VP8L": _MOST, b"ALPH": _MOST, b"ANIM": 6}
)
_WAVE: Mapping[bytes, int] = MappingProxyType({b"fmt ": 64, b"fact": 4, b"data": _MOST})
_FRAME_HEAD = 16
_PROFILE_FLAG, _EXIF_FLAG, _XMP_FLAG = 0x20, 0x08, 0x04


def wav_pieces(reader: Reader) -> Iterator[FilePiece]:
    """Yield the pieces of a WAV. Raises DamagedFile or CannotStrip."""
    kept = [
        chunk for chunk in _chunks(reader, 12, _end(reader)) if chunk[1] <= _WAVE.get(chunk[0], -1)
    ]
    if [kind for kind, _, _ in kept if kind != b"fact"] != [b"fmt ", b"data"]:
        raise CannotStrip(DAMAGED)
    yield from _riff(b"WAVE", [piece for chunk in kept for piece in _whole(*chunk)])


def webp_pieces(reader: Reader) -> Iterator[FilePiece]:
    """Yield the pieces of a WebP. Raises DamagedFile or CannotStrip."""
    pieces: list[FilePiece] = []
    head, flags, has_pixels = b"", 0, False
    for kind, length, start in _chunks(reader, 12, _end(reader)):
        reader.position = start
        match kind:
            case b"VP8X" if length == 10 and not pieces:
                head = reader.take(length)
                flags = head[0] & ~(_PROFILE_FLAG | _EXIF_FLAG | _XMP_FLAG)
            case b"ICCP" if length <= MAX_TEXT and is_color_profile(reader.take(length)):
                pieces += _whole(kind, length, start)
                flags |= _PROFILE_FLAG
            case b"EXIF" if length <= MAX_TEXT and head:
                if exif := orientation_only(reader.take(length).removeprefix(b"Exif\0\0")):
                    pieces += [_head(kind, len(exif)), exif]
                    flags |= _EXIF_FLAG
            case b"ANMF":
                pieces += _frame(reader, start, length)
                has_pixels = True
            case _ if length <= _WEBP.get(kind, -1):
                pieces += _whole(kind, length, start)
                has_pixels = has_pixels or kind[:3] == b"VP8"
    if not has_pixels:
        raise CannotStrip(DAMAGED)
    if head:
        pieces[:0] = [_head(b"VP8X", 10), bytes([flags]), head[1:]]
    yield from _riff(b"WEBP", pieces)


def _frame(reader: Reader, start: int, length: int) -> list[FilePiece]:
    if length < _FRAME_HEAD:
        raise CannotStrip(DAMAGED)
    pieces: list[FilePiece] = [Span(start, start + _FRAME_HEAD)]
    for chunk in _chunks(reader, start + _FRAME_HEAD, start + length):
        if chunk[0] in _WEBP:
            pieces += _whole(*chunk)
    return [_head(b"ANMF", sum(len(piece) for piece in pieces)), *pieces]


def _end(reader: Reader) -> int:
    """Return where the RIFF ends, by its stated size. Raises CannotStrip if it is cut off."""
    reader.position = 4
    end = 8 + reader.number(4, "little")
    if end > reader.size:
        raise CannotStrip(DAMAGED)
    return end


def _chunks(reader: Reader, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's kind, length and content position."""
    while start + 8 <= end:
        reader.position = start
        kind, length = struct.unpack("<4sI", reader.take(8))
        if start + 8 + length > end:
            raise CannotStrip(DAMAGED)
        yield kind, length, start + 8
        start += 8 + length + length % 2


def _whole(kind: bytes, length: int, start: int) -> list[FilePiece]:
    return [_head(kind, length), Span(start, start + length), bytes(length % 2)]


def _head(kind: bytes, length: int) -> bytes:
    return struct.pack("<4sI", kind, length)


def _riff(kind: bytes, pieces: list[FilePiece]) -> list[FilePiece]:
    size = 4 + sum(len(piece) for piece in pieces)
    return [struct.pack("<4sI4s", b"RIFF", size, kind), *pieces]
