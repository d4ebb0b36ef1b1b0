"""Strip Matroska and WebM: elements that a player doesn't need become Void elements, so that no
position moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from comfy.media.reader import DAMAGED, Reader
from comfy.media.stripping.comments import empty_flac_blocks, empty_vorbis_packet
from comfy.media.stripping.matroska_elements import (
    CODECS,
    LEAVES,
    MASTERS,
    REQUIRED_NAMES,
    Id,
)
from comfy.media.stripping.pieces import (
    MOST_PIECES,
    CannotStrip,
    FilePiece,
    Patches,
    Zeros,
    patched,
)

_HEAD = 12  # bytes of the longest ID and size
_VIDEO, _AUDIO = 1, 2
_DEEPEST = 4  # levels inside a track; the mastering metadata of a video's color is the deepest
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
        elif element.id in MASTERS and end is None and element.id in _MAY_BE_OPEN:
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
        elif element.id not in MASTERS:
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
    """Return the patches that turn an element into a Void element."""
    length = end - element.start
    size = 8 if length >= 9 else 1
    head = b"\xec" + (length - 1 - size | 1 << 7 * size).to_bytes(size, "big")
    return [(element.start, head), (element.start + len(head), Zeros(length - len(head)))]


def _leaf(reader: Reader, element: _Element, end: int, kept: set[int]) -> Patches:
    length = end - element.body
    if element.id in REQUIRED_NAMES:  # the specification requires them
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
    if codec not in CODECS:
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
    if element.id not in MASTERS:
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
