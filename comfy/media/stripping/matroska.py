"""Strip Matroska and WebM: elements that a player doesn't need become Void elements, so that no
position moves.

Elements of Matroska and WebM that a player needs, by ID.

An ID has the same meaning everywhere, so no table of parents is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from comfy.media.reader import DAMAGED, Reader
from comfy.media.stripping.pieces import (
    MOST_PIECES,
    CannotStrip,
    FilePiece,
    Patches,
    Zeros,
    empty_flac_blocks,
    empty_vorbis_packet,
    patched,
)

_OF_HEAD = (0x4286, 0x42F7, 0x42F2, 0x42F3, 0x4287, 0x4285)
_OF_CLUSTER = (0xE7, 0xA7, 0xAB, 0x9B, 0xFB, 0xFA, 0x75A2, 0xEE)
_OF_CUES = (0xB3, 0xF7, 0xF1, 0xF0, 0xB2, 0x5378)
_OF_VIDEO = (
    *(0xB0, 0xBA, 0x54B0, 0x54BA, 0x54B2, 0x54B3, 0x9A, 0x9D, 0x53B8, 0x53C0),
    *(0x54AA, 0x54BB, 0x54CC, 0x54DD, 0x2EB524),
    *range(0x55B1, 0x55BE),
    *range(0x55D1, 0x55DB),
)
_OF_AUDIO = (0xB5, 0x78B5, 0x9F, 0x6264, 0x52F1)
# Codecs whose frames carry only pixels or samples.
_CODECS = frozenset(
    {
        *(b"V_VP8", b"V_VP9", b"V_AV1", b"V_MPEG4/ISO/AVC", b"V_MPEGH/ISO/HEVC", b"V_FFV1"),
        *(b"V_MPEG4/ISO/ASP", b"V_PRORES", b"A_OPUS", b"A_VORBIS", b"A_FLAC", b"A_AAC"),
        *(b"A_MPEG/L3", b"A_PCM/INT/LIT", b"A_PCM/INT/BIG", b"A_PCM/FLOAT/IEEE", b"A_AC3"),
        *(b"A_EAC3", b"A_ALAC"),
    }
)
_HEAD = 12  # bytes of the longest ID and size
_DEEPEST = 4  # levels inside a track; the mastering metadata of a video's color is the deepest
_EBML, _BLOCK_ADDITIONS, _BLOCK_MORE, _CUE_POINT, _CUE_POSITIONS = (
    0x1A45DFA3,
    0x75A1,
    0xA6,
    0xBB,
    0xB7,
)
_VIDEO_PARTS, _AUDIO_PARTS, _COLOR, _MASTERING = 0xE0, 0xE1, 0x55B0, 0x55D0
_MUXING_APP, _WRITING_APP = 0x4D80, 0x5741
_REQUIRED_NAMES = frozenset({_MUXING_APP, _WRITING_APP})
_DOC_TYPE, _LANGUAGE, _BLOCK_ADDITIONAL = 0x4282, 0x22B59C, 0xA5
_VIDEO, _AUDIO = 1, 2


class Id(IntEnum):
    """IDs of elements that need special treatment."""

    SEGMENT = 0x18538067
    SEEK_HEAD = 0x114D9B74
    SEEK = 0x4DBB
    SEEK_ID = 0x53AB
    INFO = 0x1549A966
    TRACKS = 0x1654AE6B
    TRACK = 0xAE
    TRACK_NUMBER = 0xD7
    TRACK_TYPE = 0x83
    CODEC = 0x86
    CODEC_PRIVATE = 0x63A2
    ENCODINGS = 0x6D80
    CLUSTER = 0x1F43B675
    SIMPLE_BLOCK = 0xA3
    BLOCK_GROUP = 0xA0
    BLOCK = 0xA1
    CUES = 0x1C53BB6B


_MASTERS = frozenset(
    {
        *(_EBML, Id.SEGMENT, Id.SEEK_HEAD, Id.SEEK, Id.INFO, Id.TRACKS, Id.TRACK, Id.CLUSTER),
        *(Id.BLOCK_GROUP, Id.CUES, _BLOCK_ADDITIONS, _BLOCK_MORE, _CUE_POINT, _CUE_POSITIONS),
        *(_VIDEO_PARTS, _AUDIO_PARTS, _COLOR, _MASTERING),
    }
)
_OF_SEGMENT = (Id.SEEK_ID, 0x53AC, 0x2AD7B1, 0x4489)
_OF_TRACK = (
    *(Id.TRACK_NUMBER, 0x73C5, Id.TRACK_TYPE, 0xB9, 0x88, 0x55AA, 0x9C, 0x6DE7, 0x6DF8),
    *(0x23E383, 0x234E7A, 0x23314F, 0x55EE, 0xAA, 0x56AA, 0x56BB),
)
_NUMBERS = (
    *(*_OF_HEAD, *_OF_SEGMENT, *_OF_CLUSTER, *_OF_CUES, *_OF_TRACK, *_OF_VIDEO, *_OF_AUDIO),
)
LEAVES: Mapping[int, int] = MappingProxyType(  # and the most bytes that each may have
    dict.fromkeys(_NUMBERS, 8)
    | {_DOC_TYPE: 8, _LANGUAGE: 3, Id.CODEC: 32, _BLOCK_ADDITIONAL: 1 << 32}
)
_MAY_BE_OPEN = (Id.SEGMENT, Id.CLUSTER)  # live recordings have no sizes
_FOUND = frozenset({Id.INFO, Id.TRACKS, Id.CUES, Id.SEEK_HEAD, Id.CLUSTER})


@dataclass(frozen=True, slots=True)
class _Element:
    """Element of a file, by its positions. `end`: None if the size is unknown."""

    id: int
    start: int
    body: int
    end: int | None


def matroska_pieces(reader: Reader) -> Iterator[FilePiece]:
    """Yield the pieces of a Matroska or WebM file. Raises DamagedFile or CannotStrip.

    Codecs whose frames can carry texts, and encodings of whole tracks, are refused.
    """
    patches: Patches = []
    kept: set[int] = set()
    reader.position, size = 0, reader.size
    segment = None
    while reader.position < size:
        element = _next(reader)
        end = element.end
        if len(patches) > MOST_PIECES:
            raise CannotStrip(DAMAGED)
        if element.id == Id.SEGMENT:
            if segment or (end or 0) > size:
                raise CannotStrip(DAMAGED)
            segment, size = element, end or size
        elif element.id in _MASTERS and end is None and element.id in _MAY_BE_OPEN:
            pass
        elif end is None or end > size:
            raise CannotStrip(DAMAGED)
        elif element.id == Id.TRACK:
            number = _track(reader, element.body, end, patches)
            if number is None:
                patches += _void(element, end)
            else:
                kept.add(number)
            reader.position = end
        elif element.id not in _MASTERS:
            patches += _leaf(reader, element, end, kept)
            reader.position = end
        elif not _is_wanted(reader, element, end, kept):
            patches += _void(element, end)
            reader.position = end
    if not segment or not kept:
        raise CannotStrip(DAMAGED)
    yield from patched(size, patches)


def _next(reader: Reader) -> _Element:
    """Read an element's ID and size, and move to its content."""
    start = reader.position
    head = reader.take(min(_HEAD, reader.left))
    id_length = _length(head, 0, 4)
    size_length = _length(head, id_length, 8)
    number = int.from_bytes(head[:id_length], "big")
    marked = int.from_bytes(head[id_length : id_length + size_length], "big")
    size = marked - (1 << 7 * size_length)
    body = start + id_length + size_length
    reader.position = body
    is_open = size == (1 << 7 * size_length) - 1
    return _Element(number, start, body, None if is_open else body + size)


def _length(head: bytes, at: int, most: int) -> int:
    length = 9 - head[at].bit_length() if at < len(head) else most + 1
    if length > most or at + length > len(head):
        raise CannotStrip(DAMAGED)
    return length


def _children(reader: Reader, start: int, end: int) -> Iterator[tuple[_Element, int]]:
    """Yield the elements between two positions, with their ends."""
    while start < end:
        reader.position = start
        element = _next(reader)
        if element.end is None or element.end > end:
            raise CannotStrip(DAMAGED)
        yield element, element.end
        start = element.end


def _void(element: _Element, end: int) -> Patches:
    length = end - element.start
    size = 8 if length >= 9 else 1
    head = b"\xec" + (length - 1 - size | 1 << 7 * size).to_bytes(size, "big")
    return [(element.start, head), (element.start + len(head), Zeros(length - len(head)))]


def _leaf(reader: Reader, element: _Element, end: int, kept: set[int]) -> Patches:
    length = end - element.body
    if element.id in _REQUIRED_NAMES:  # the specification requires them
        return [(element.body, b" " * length)]
    if element.id in (Id.BLOCK, Id.SIMPLE_BLOCK):
        is_kept = _track_of(reader, element.body) in kept
    else:
        is_kept = length <= LEAVES.get(element.id, -1)
    return [] if is_kept else _void(element, end)


def _is_wanted(reader: Reader, element: _Element, end: int, kept: set[int]) -> bool:
    """Return whether a master element belongs to a kept track or leads to one."""
    if element.id not in (Id.BLOCK_GROUP, Id.SEEK):
        return True
    wanted = False
    for child, child_end in _children(reader, element.body, end):
        if child.id == Id.BLOCK:
            wanted = _track_of(reader, child.body) in kept
        elif child.id == Id.SEEK_ID and child_end - child.body <= 4:
            reader.position = child.body
            wanted = reader.number(child_end - child.body) in _FOUND
    reader.position = element.body
    return wanted


def _track_of(reader: Reader, body: int) -> int:
    reader.position = body
    head = reader.take(min(8, reader.left))
    length = _length(head, 0, 8)
    return int.from_bytes(head[:length], "big") - (1 << 7 * length)


def _track(reader: Reader, start: int, end: int, patches: Patches) -> int | None:
    """Return the number of a video or sound track, None for any other.

    Adds the patches for the content of a kept track.
    """
    inside = list(_children(reader, start, end))
    kind = number = 0
    codec = b""
    for element, its_end in inside:
        reader.position, length = element.body, its_end - element.body
        if element.id == Id.TRACK_TYPE:
            kind = reader.number(length)
        elif element.id == Id.TRACK_NUMBER:
            number = reader.number(length)
        elif element.id == Id.CODEC:
            codec = reader.take(length).rstrip(b"\0")
        elif element.id == Id.ENCODINGS:
            raise CannotStrip(DAMAGED)
    if kind not in (_VIDEO, _AUDIO):
        return None
    if codec not in _CODECS:
        raise CannotStrip(DAMAGED)
    for element, its_end in inside:
        patches += _inside_track(reader, codec, element, its_end)
    return number


def _inside_track(
    reader: Reader, codec: bytes, element: _Element, end: int, depth: int = _DEEPEST
) -> Patches:
    if element.id == Id.CODEC_PRIVATE:
        reader.position = element.body
        return [(element.body, _codec_private(codec, reader.take(end - element.body)))]
    if element.id not in _MASTERS:
        return _leaf(reader, element, end, set())
    if not depth:
        raise CannotStrip(DAMAGED)
    patches: Patches = []
    for child, child_end in _children(reader, element.body, end):
        patches += _inside_track(reader, codec, child, child_end, depth - 1)
    return patches


def _codec_private(codec: bytes, data: bytes) -> bytes:
    """Return the codec's header without comments, at the same length."""
    match codec:
        case b"A_FLAC" if data[:4] == b"fLaC":
            return data[:4] + empty_flac_blocks(data[4:])
        case b"A_VORBIS" if data[:1] == b"\2":
            lengths, offset = [], 1
            for _ in range(2):
                length = 0
                while data[offset : offset + 1] == b"\xff":
                    length, offset = length + 255, offset + 1
                if offset >= len(data):
                    raise CannotStrip(DAMAGED)
                lengths.append(length + data[offset])
                offset += 1
            start, end = offset + lengths[0], offset + sum(lengths)
            if end > len(data) or data[start : start + 7] != b"\3vorbis":
                raise CannotStrip(DAMAGED)
            return data[:start] + empty_vorbis_packet(lengths[1]) + data[end:]
        case b"A_FLAC" | b"A_VORBIS":
            raise CannotStrip(DAMAGED)
    return data
