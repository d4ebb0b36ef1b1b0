"""Strip MP4, MOV and M4A: boxes that a player doesn't need become free space, so that no offset
moves.

Of the media data, only the samples of video and sound tracks are kept.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from comfy.media.reader import DAMAGED, Reader
from comfy.media.stripping.comments import empty_flac_blocks
from comfy.media.stripping.iso_boxes import (
    AUDIO,
    IN_AUDIO_ENTRY,
    IN_VIDEO_ENTRY,
    IN_WAVE,
    KEPT,
    VIDEO,
    IsoBox,
    boxes,
    rest_of,
)
from comfy.media.stripping.iso_samples import sample_ranges
from comfy.media.stripping.pieces import CannotStrip, FilePiece, Patches, Zeros, patched

_FRAGMENTS = frozenset({b"moof", b"mvex", b"sidx"})
_TRACKS = (b"vide", b"soun")
_NAME = 24  # offset of a handler's name, after its type and QuickTime's fields
_COMPRESSOR = slice(42, 74)  # the compressor's name in the content of a video's sample entry
_VIDEO_HEAD = 78
_AUDIO_HEADS = (28, 44, 64)  # indexed by the entry's version
_SELF_CONTAINED = 1
_MOST_MEDIA = 1000  # `mdat` boxes


def iso_pieces(reader: Reader) -> Iterator[FilePiece]:
    """Yield the pieces of an MP4, MOV or M4A. Raises DamagedFile or CannotStrip.

    Fragmented files and codecs whose frames can carry texts are refused.
    """
    patches: Patches = []
    tracks: list[IsoBox] = []
    _visit(reader, IsoBox(b"", 0, 0, reader.size), patches, tracks)
    samples = sorted(span for track in tracks for span in sample_ranges(reader, track))
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
    patches += rest_of(outer.body, outer.end, inside)
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
    """Return the track's handler type."""
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
    patches = rest_of(start, box.end, inside)
    for entry in inside:
        if entry.kind in VIDEO:
            name = entry.body + _COMPRESSOR.start
            patches.append((name, Zeros(_COMPRESSOR.stop - _COMPRESSOR.start)))
            patches += _children(reader, entry, _VIDEO_HEAD, IN_VIDEO_ENTRY)
        elif entry.kind in AUDIO:
            reader.position = entry.body + 8
            version = reader.number(2)
            if version >= len(_AUDIO_HEADS):
                raise CannotStrip(DAMAGED)
            patches += _children(reader, entry, _AUDIO_HEADS[version], IN_AUDIO_ENTRY)
        else:
            raise CannotStrip(DAMAGED)
    return patches


def _children(reader: Reader, outer: IsoBox, head: int, kept: frozenset[bytes]) -> Patches:
    start = outer.body + head
    if start > outer.end:
        raise CannotStrip(DAMAGED)
    inside = list(boxes(reader, start, outer.end))
    patches = rest_of(start, outer.end, inside)
    for box in inside:
        if box.kind not in kept:
            patches += box.freed()
        elif box.kind == b"wave":
            patches += _children(reader, box, 0, IN_WAVE)
        elif box.kind == b"dfLa":
            reader.position = box.body + 4
            blocks = reader.take(max(0, box.end - box.body - 4))
            patches.append((box.body + 4, empty_flac_blocks(blocks)))
    return patches


_SPECIAL: Mapping[bytes, Callable[[Reader, IsoBox], Patches]] = MappingProxyType(
    {b"hdlr": _handler_name, b"dref": _data_references, b"stsd": _sample_descriptions}
)
