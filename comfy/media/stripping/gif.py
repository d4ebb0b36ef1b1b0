"""Strip GIF: keep frames, their timing and the loop count; drop comments and other extensions."""

from __future__ import annotations

from collections.abc import Iterator

from comfy.media.reader import DAMAGED, Reader
from comfy.media.stripping.pieces import CannotStrip, FilePiece, Span

_HEAD = 13
_FRAME, _EXTENSION, _END = b",", b"!", b";"
_TIMING, _APPLICATION = 0xF9, 0xFF
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def gif_pieces(reader: Reader) -> Iterator[FilePiece]:
    """Yield the pieces of a GIF. Raises DamagedFile or CannotStrip."""
    reader.position = 0
    _skip_colors(reader, reader.take(_HEAD)[10])
    yield Span(0, reader.position)
    has_frame = False
    while (kind := reader.take(1)) != _END:
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
    yield _END


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
