"""Vorbis comments and FLAC's metadata blocks, emptied in place: they keep their length, so that
nothing after them moves."""

from __future__ import annotations

import struct

from comfy.media.reader import DAMAGED
from comfy.media.stripping.pieces import CannotStrip

_STREAM_INFO, _PADDING, _COMMENTS = 0, 1, 4
_LAST = 0x80


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
