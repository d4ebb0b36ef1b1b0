"""A stripped file as a list of pieces: spans of the original, zeros, and a few bytes of our own.

Nothing is copied to disk, and a byte range can be read without reading what comes before it.

Blocks that several image formats embed: color profiles and the EXIF orientation.

Vorbis comments and FLAC's metadata blocks, emptied in place: they keep their length, so that
nothing after them moves.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO

from comfy.media.reader import DAMAGED

_CHUNK = 256 * 1024  # bytes
MOST_PIECES = 100_000
_MOST_OWN = 32 * 1024 * 1024  # bytes to hold in memory for one file
_BYTE_ORDERS: Mapping[bytes, str] = MappingProxyType({b"II*\0": "<", b"MM\0*": ">"})
_ENTRY = 12  # bytes
_MOST_ENTRIES = 200
MOST_PROFILE = 4 * 1024 * 1024  # bytes
_PROFILE_HEAD = 128
_LAST = 0x80
_ORIENTATION, _SHORT = 0x0112, 3  # tag and type of an entry
_STREAM_INFO, _PADDING, _COMMENTS = 0, 1, 4


class CannotStrip(Exception):
    """Error for an unsupported kind, damage or too many parts. The text says which, for the log."""


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes `start` up to `end` of the original file."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Zeros:
    """A run of zero bytes."""

    count: int

    def __len__(self) -> int:
        return self.count


FilePiece = Span | Zeros | bytes
Patches = list[tuple[int, Zeros | bytes]]  # positions, and the replacement of the bytes there


@dataclass(frozen=True, slots=True)
class Stripped:
    """A file without its metadata: its pieces in order, and its size in bytes."""

    pieces: tuple[FilePiece, ...]
    size: int

    @property
    def held(self) -> int:
        """Return the approximate size of this object in memory, in bytes."""
        own = sum(len(piece) for piece in self.pieces if isinstance(piece, bytes))
        return own + 100 * len(self.pieces)

    def read(self, file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes `start` up to `end` in chunks. `file` is the original.

        Raises OSError if the original has become shorter.
        """
        position = 0
        for piece in self.pieces:
            first, last = max(start - position, 0), min(end - position, len(piece))
            position += len(piece)
            if first < last:
                yield from _chunks(piece, file, first, last)
            if position >= end:
                return


def _chunks(piece: FilePiece, file: BinaryIO, first: int, last: int) -> Iterator[bytes]:
    if isinstance(piece, bytes):
        yield piece[first:last]
        return
    if isinstance(piece, Span):
        file.seek(piece.start + first)
    while first < last:
        count = min(_CHUNK, last - first)
        data = bytes(count) if isinstance(piece, Zeros) else file.read(count)
        if not data:
            raise OSError("A stored file has become shorter.")
        yield data
        first += len(data)


def stripped_of(pieces: Iterable[FilePiece]) -> Stripped:
    """Join adjacent spans. Raises CannotStrip if there are too many pieces."""
    joined: list[FilePiece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if not len(piece):
            continue
        if isinstance(piece, Span) and isinstance(last, Span) and last.end == piece.start:
            joined[-1] = Span(last.start, piece.end)
        else:
            joined.append(piece)
    own = sum(len(piece) for piece in joined if isinstance(piece, bytes))
    if len(joined) > MOST_PIECES or own > _MOST_OWN:
        raise CannotStrip("It's too large to read.")
    return Stripped(tuple(joined), sum(len(piece) for piece in joined))


def patched(size: int, patches: Patches) -> Iterator[FilePiece]:
    """Yield the first `size` bytes of a file with these patches, which must not overlap.

    Raises CannotStrip if they do.
    """
    position = 0
    for start, piece in sorted(patches, key=lambda patch: patch[0]):
        if not len(piece):
            continue
        if start < position or start + len(piece) > size:
            raise CannotStrip(DAMAGED)
        yield Span(position, start)
        yield piece
        position = start + len(piece)
    yield Span(position, size)


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


def empty_comments(length: int) -> bytes:
    """Return a comment block of this length without any comment. Raises CannotStrip.

    Spaces fill the vendor's name, which every reader has to skip.
    """
    if length < 8:
        raise CannotStrip(DAMAGED)
    return struct.pack("<I", length - 8) + b" " * (length - 8) + bytes(4)


def empty_vorbis_packet(length: int) -> bytes:
    """Return Vorbis' second header packet of this length, without comments. Raises CannotStrip."""
    return b"\3vorbis" + empty_comments(length - 8) + b"\1"


def empty_flac_blocks(blocks: bytes) -> bytes:
    """Return FLAC's metadata blocks with all but the first, STREAMINFO, emptied.

    Raises CannotStrip if the blocks are incomplete.
    """
    emptied, offset = bytearray(), 0
    while offset < len(blocks):
        length = int.from_bytes(blocks[offset + 1 : offset + 4], "big")
        kind, end = blocks[offset] & ~_LAST, offset + 4 + length
        if end > len(blocks) or (kind == _STREAM_INFO) != (offset == 0 and length == 34):
            raise CannotStrip(DAMAGED)
        if kind == _STREAM_INFO:
            emptied += blocks[offset:end]
        elif kind == _COMMENTS and length >= 8:  # Ogg requires a comment block
            emptied += blocks[offset : offset + 4] + empty_comments(length)
        else:
            emptied += (
                bytes([blocks[offset] & _LAST | _PADDING])
                + blocks[offset + 1 : offset + 4]
                + bytes(length)
            )
        offset = end
    return bytes(emptied)
