"""Strip MP4, MOV and M4A: boxes that a player doesn't need become free space, so that no offset
moves.

Of the media data, only the samples of video and sound tracks are kept.

Boxes of MP4, MOV and M4A, and the allowlist of boxes that a player needs.

Positions of an MP4 track's samples in the file.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType

from comfy.media.reader import DAMAGED, Reader
from comfy.media.stripping.pieces import (
    CannotStrip,
    FilePiece,
    Patches,
    Zeros,
    empty_flac_blocks,
    patched,
)

# Boxes to keep inside others; the rest becomes free space. Boxes in `iso._SPECIAL` need more work.
KEPT: Mapping[bytes, frozenset[bytes]] = MappingProxyType(
    {
        b"": frozenset({b"ftyp", b"moov", b"mdat"}),
        b"moov": frozenset({b"mvhd", b"trak"}),
        b"trak": frozenset({b"tkhd", b"edts", b"mdia"}),
        b"edts": frozenset({b"elst"}),
        b"mdia": frozenset({b"mdhd", b"hdlr", b"minf"}),
        b"minf": frozenset({b"vmhd", b"smhd", b"hdlr", b"dinf", b"stbl"}),
        b"dinf": frozenset({b"dref"}),
        b"stbl": frozenset(
            {
                *(b"stsd", b"stts", b"ctts", b"cslg", b"stss", b"stps", b"sdtp"),
                *(b"stsc", b"stsz", b"stco", b"co64", b"sgpd", b"sbgp"),
            }
        ),
    }
)
# Codecs whose frames contain only pixels or samples; `jpeg` and `png ` can contain texts.
VIDEO = frozenset(
    {
        *(b"avc1", b"avc3", b"hvc1", b"hev1", b"dvh1", b"dvhe", b"av01", b"vp08", b"vp09"),
        *(b"mp4v", b"FFV1", b"apco", b"apcs", b"apcn", b"apch", b"ap4h", b"ap4x"),
    }
)
AUDIO = frozenset(
    {
        *(b"mp4a", b"Opus", b"fLaC", b"alac", b"ac-3", b"ec-3", b".mp3", b"sowt", b"twos"),
        *(b"in24", b"in32", b"fl32", b"fl64", b"lpcm", b"ipcm", b"fpcm"),
    }
)
_IN_VIDEO_ENTRY = frozenset(
    {
        *(b"avcC", b"hvcC", b"av1C", b"vpcC", b"dvcC", b"dvvC", b"esds", b"glbl", b"colr"),
        *(b"pasp", b"clap", b"btrt", b"fiel", b"gama", b"mdcv", b"clli", b"SmDm", b"CoLL"),
    }
)
_IN_AUDIO_ENTRY = frozenset(
    {
        *(b"esds", b"dOps", b"dfLa", b"alac", b"dac3", b"dec3", b"btrt", b"chan", b"chnl"),
        *(b"pcmC", b"wave"),
    }
)
_IN_WAVE = frozenset({b"frma", b"esds", b"enda", b"alac", b"mp4a", b"chan", bytes(4)})
_LARGE = 1  # a 64-bit size follows
_MOST = 2_000_000  # samples, chunks
# Bytes to charge per number, which limits all tables of a file to a second of processor time.
_COST = 100
_FRAGMENTS = frozenset({b"moof", b"mvex", b"sidx"})
_TRACKS = (b"vide", b"soun")
_NAME = 24  # offset of a handler's name, after its type and QuickTime's fields
_COMPRESSOR = slice(42, 74)  # the compressor's name in the content of a video's sample entry
_VIDEO_HEAD = 78
_AUDIO_HEADS = (28, 44, 64)  # indexed by the entry's version
_SELF_CONTAINED = 1
_MOST_MEDIA = 1000  # `mdat` boxes


@dataclass(frozen=True, slots=True)
class IsoBox:
    """A box from `start` to `end`, whose content begins at `body`."""

    kind: bytes
    start: int
    body: int
    end: int

    def freed(self) -> Patches:
        """Return the patches that turn the box into free space."""
        return [(self.start + 4, b"free"), (self.body, Zeros(self.end - self.body))]


def boxes(reader: Reader, start: int, end: int) -> Iterator[IsoBox]:
    """Yield the boxes between two positions; up to seven bytes may follow. Raises CannotStrip."""
    while start + 8 <= end:
        reader.position = start
        size, kind, body = reader.number(4), reader.take(4), start + 8
        if size == _LARGE:
            size, body = reader.number(8), start + 16
        elif not size and end == reader.size:
            size = end - start
        if size < body - start or start + size > end:
            raise CannotStrip(DAMAGED)
        yield IsoBox(kind, start, body, start + size)
        start += size


def _rest_of(start: int, end: int, inside: list[IsoBox]) -> Patches:
    """Return the patch that clears the bytes after the last box."""
    position = inside[-1].end if inside else start
    return [(position, Zeros(end - position))] if position < end else []


def _sample_ranges(reader: Reader, table: IsoBox) -> list[tuple[int, int]]:
    """Return the start and end of each chunk of a sample table (`stbl`). Raises CannotStrip."""
    boxes_by_kind = {box.kind: box for box in boxes(reader, table.body, table.end)}
    wide = b"co64" in boxes_by_kind
    if (
        b"stsz" not in boxes_by_kind
        or b"stsc" not in boxes_by_kind
        or (not wide and b"stco" not in boxes_by_kind)
    ):
        raise CannotStrip(DAMAGED)
    offsets = _numbers(reader, boxes_by_kind[b"co64" if wide else b"stco"], 4, 8 if wide else 4)
    counts = _samples_of_chunks(reader, boxes_by_kind[b"stsc"], len(offsets))
    reader.position = boxes_by_kind[b"stsz"].body + 4
    size, total = reader.number(4), reader.number(4)
    firsts = [0, *accumulate(counts)]
    if firsts[-1] != total:
        raise CannotStrip(DAMAGED)
    if size == 1:  # in QuickTime, this isn't the real size
        raise CannotStrip(DAMAGED)
    if size:
        ends = [first * size for first in firsts]
    else:
        sizes = _numbers(reader, boxes_by_kind[b"stsz"], 8, 4)
        places = [0, *accumulate(sizes)]
        if len(sizes) != total:
            raise CannotStrip(DAMAGED)
        ends = [places[first] for first in firsts]
    return [
        (offset, offset + ends[at + 1] - ends[at])
        for at, offset in enumerate(offsets)
        if ends[at + 1] > ends[at]
    ]


def _samples_of_chunks(reader: Reader, box: IsoBox, chunks: int) -> list[int]:
    """Return the number of samples in each chunk, expanded from runs of chunks with equal
    counts."""
    flat = _numbers(reader, box, 4, 4, each=3)
    counts: list[int] = []
    firsts = [*flat[::3], chunks + 1]
    for index, count in enumerate(flat[1::3]):
        length = firsts[index + 1] - firsts[index]
        if firsts[index] != len(counts) + 1 or not 0 < length <= chunks or count > _MOST:
            raise CannotStrip(DAMAGED)
        counts += [count] * length
    if len(counts) != chunks or sum(counts) > _MOST:
        raise CannotStrip(DAMAGED)
    return counts


def _numbers(reader: Reader, box: IsoBox, at: int, size: int, each: int = 1) -> array[int]:
    """Return the numbers of a table; its length is stored at offset `at` of the box's content."""
    reader.position = box.body + at
    count = reader.number(4) * each
    if count > _MOST or reader.position + count * size > box.end:
        raise CannotStrip(DAMAGED)
    reader.spend(_COST * count)
    numbers = array("I" if size == 4 else "Q", reader.take(count * size))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def iso_pieces(reader: Reader) -> Iterator[FilePiece]:
    """Yield the pieces of an MP4, MOV or M4A. Raises DamagedFile or CannotStrip.

    Fragmented files and codecs whose frames can carry texts are refused.
    """
    patches: Patches = []
    tracks: list[IsoBox] = []
    _visit(reader, IsoBox(b"", 0, 0, reader.size), patches, tracks)
    samples = sorted(span for track in tracks for span in _sample_ranges(reader, track))
    media = [box for box in boxes(reader, 0, reader.size) if box.kind == b"mdat"]
    if not samples or not 0 < len(media) <= _MOST_MEDIA:
        raise CannotStrip(DAMAGED)
    starts = [start for start, _ in samples]
    for box in media:
        position = box.body
        inside = slice(bisect_left(starts, box.body), bisect_left(starts, box.end))
        for start, end in samples[inside]:
            if end > box.end:
                raise CannotStrip(DAMAGED)
            if start > position:
                patches.append((position, Zeros(start - position)))
            position = max(position, end)
        patches.append((position, Zeros(box.end - position)))
    yield from patched(reader.size, patches)


def _visit(reader: Reader, outer: IsoBox, patches: Patches, tracks: list[IsoBox]) -> None:
    """Collect the patches for the content of a box, and the sample tables of kept tracks."""
    inside = list(boxes(reader, outer.body, outer.end))
    patches += _rest_of(outer.body, outer.end, inside)
    for box in inside:
        if box.kind in _FRAGMENTS:
            raise CannotStrip(DAMAGED)
        if box.kind not in KEPT[outer.kind] or (
            box.kind == b"trak" and _handler(reader, box) not in _TRACKS
        ):
            patches += box.freed()
        elif box.kind in _SPECIAL:
            patches += _SPECIAL[box.kind](reader, box)
        elif box.kind in KEPT:
            if box.kind == b"stbl":
                tracks.append(box)
            _visit(reader, box, patches, tracks)


def _handler(reader: Reader, track: IsoBox) -> bytes:
    for media in boxes(reader, track.body, track.end):
        for box in boxes(reader, media.body, media.end) if media.kind == b"mdia" else ():
            if box.kind == b"hdlr":
                reader.position = box.body
                return reader.take(12)[8:]
    return b""


def _handler_name(_: Reader, box: IsoBox) -> Patches:
    if box.end - box.body < _NAME:
        raise CannotStrip(DAMAGED)
    return [(box.body + 12, Zeros(box.end - box.body - 12))]


def _data_references(reader: Reader, box: IsoBox) -> Patches:
    """Clear the addresses; refuse data that isn't in this file."""
    patches: Patches = []
    for entry in boxes(reader, box.body + 8, box.end):
        reader.position = entry.body
        if not reader.number(4) & _SELF_CONTAINED:
            raise CannotStrip(DAMAGED)
        patches.append((entry.body + 4, Zeros(entry.end - entry.body - 4)))
    return patches


def _sample_descriptions(reader: Reader, box: IsoBox) -> Patches:
    start = box.body + 8
    inside = list(boxes(reader, start, box.end))
    patches = _rest_of(start, box.end, inside)
    for entry in inside:
        if entry.kind in VIDEO:
            name = entry.body + _COMPRESSOR.start
            patches.append((name, Zeros(_COMPRESSOR.stop - _COMPRESSOR.start)))
            patches += _children(reader, entry, _VIDEO_HEAD, _IN_VIDEO_ENTRY)
        elif entry.kind in AUDIO:
            reader.position = entry.body + 8
            version = reader.number(2)
            if version >= len(_AUDIO_HEADS):
                raise CannotStrip(DAMAGED)
            patches += _children(reader, entry, _AUDIO_HEADS[version], _IN_AUDIO_ENTRY)
        else:
            raise CannotStrip(DAMAGED)
    return patches


def _children(reader: Reader, outer: IsoBox, head: int, kept: frozenset[bytes]) -> Patches:
    start = outer.body + head
    if start > outer.end:
        raise CannotStrip(DAMAGED)
    inside = list(boxes(reader, start, outer.end))
    patches = _rest_of(start, outer.end, inside)
    for box in inside:
        if box.kind not in kept:
            patches += box.freed()
        elif box.kind == b"wave":
            patches += _children(reader, box, 0, _IN_WAVE)
        elif box.kind == b"dfLa":
            reader.position = box.body + 4
            blocks = reader.take(max(0, box.end - box.body - 4))
            patches.append((box.body + 4, empty_flac_blocks(blocks)))
    return patches


_SPECIAL: Mapping[bytes, Callable[[Reader, IsoBox], Patches]] = MappingProxyType(
    {b"hdlr": _handler_name, b"dref": _data_references, b"stsd": _sample_descriptions}
)
