"""Strip Ogg with one stream of Opus, Vorbis or FLAC: comments are emptied in place."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from comfy.media.reader import DAMAGED, MAX_TEXT, Reader
from comfy.media.stripping.pieces import (
    CannotStrip,
    FilePiece,
    Patches,
    empty_comments,
    empty_flac_blocks,
    empty_vorbis_packet,
    patched,
)

_HEAD = 27
_FIRST, _LAST = 0x02, 0x04
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_FLAC_STREAM_INFO = slice(9, 51)  # in the first packet: "fLaC", then the first block
_OPUS, _VORBIS, _FLAC = b"OpusHead", b"\1vorbis", b"\x7fFLAC"


@dataclass(frozen=True, slots=True)
class _Page:
    start: int
    flags: int
    serial: bytes
    lacing: bytes

    @property
    def body(self) -> int:
        return self.start + _HEAD + len(self.lacing)

    @property
    def end(self) -> int:
        return self.body + sum(self.lacing)


def ogg_pieces(reader: Reader) -> Iterator[FilePiece]:
    """Yield the pieces of an Ogg file. Raises DamagedFile or CannotStrip.

    Several streams, multiplexed or chained, and other codecs are refused.
    """
    heads: list[_Page] = []
    bodies, wanted, last = bytearray(), 2, None
    lengths: list[int] = [0]
    for page in _pages(reader):
        if last is not None and (page.serial != last.serial or page.flags & _FIRST):
            raise CannotStrip(DAMAGED)
        last = page
        if len(lengths) <= wanted:
            heads.append(page)
            reader.position = page.body
            bodies += reader.take(sum(page.lacing))
            _count(lengths, page.lacing)
            if len(lengths) > 1:
                wanted = _packets_of_head(bytes(bodies[: lengths[0]]))
        if len(bodies) > MAX_TEXT:
            raise CannotStrip(DAMAGED)
    if last is None or len(lengths) <= wanted:
        raise CannotStrip(DAMAGED)
    _empty(bodies, lengths[:wanted])
    yield from patched(last.end, _rewritten(reader, heads, bytes(bodies)))


def _pages(reader: Reader) -> Iterator[_Page]:
    """Yield all pages up to the one marked as the last, or to the end of the file."""
    start = 0
    while start < reader.size:
        reader.position = start
        head = reader.take(_HEAD)
        if head[:5] != b"OggS\0":
            raise CannotStrip(DAMAGED)
        page = _Page(start, head[5], head[14:18], reader.take(head[26]))
        if page.end > reader.size:
            raise CannotStrip(DAMAGED)
        yield page
        if page.flags & _LAST:
            return
        start = page.end


def _count(lengths: list[int], lacing: bytes) -> None:
    """Add a page's segments to the lengths of packets. The last one isn't complete yet."""
    for length in lacing:
        lengths[-1] += length
        if length < 255:
            lengths.append(0)


def _packets_of_head(first: bytes) -> int:
    """Return the number of packets with metadata before the sound, including the first."""
    if first.startswith((_OPUS, _VORBIS)):
        return 2
    blocks = int.from_bytes(first[7:9], "big")  # 0: unknown
    if first.startswith(_FLAC) and len(first) == _FLAC_STREAM_INFO.stop and blocks:
        return 1 + blocks
    raise CannotStrip(DAMAGED)


def _empty(bodies: bytearray, lengths: list[int]) -> None:
    first, rest = bytes(bodies[: lengths[0]]), bodies[lengths[0] : sum(lengths)]
    if first.startswith(_FLAC):
        blocks = first[_FLAC_STREAM_INFO.start + 4 :]
        emptied = empty_flac_blocks(blocks + bytes(rest))[len(blocks) :]
    elif first.startswith(_OPUS) and rest.startswith(b"OpusTags"):
        emptied = b"OpusTags" + empty_comments(len(rest) - 8)
    elif first.startswith(_VORBIS) and rest.startswith(b"\3vorbis"):
        emptied = empty_vorbis_packet(len(rest))
    else:
        raise CannotStrip(DAMAGED)
    bodies[lengths[0] : sum(lengths)] = emptied


def _rewritten(reader: Reader, pages: list[_Page], bodies: bytes) -> Patches:
    patches: Patches = []
    offset = 0
    for page in pages:
        reader.position = page.start
        head = bytearray(reader.take(_HEAD)) + page.lacing
        body = bytes(bodies[offset : offset + page.end - page.body])
        offset += len(body)
        head[22:26] = bytes(4)
        head[22:26] = struct.pack("<I", _checksum(bytes(head) + body))
        patches.append((page.start, bytes(head) + body))
    return patches


def _checksum(page: bytes) -> int:
    """Return Ogg's CRC-32: zlib's with the bits in the opposite order and without the
    inversions."""
    value = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{value:032b}"[::-1], 2)
