"""Positions of an MP4 track's samples in the file."""

from __future__ import annotations

import sys
from array import array
from itertools import accumulate

from comfy.media.reader import DAMAGED, Reader
from comfy.media.stripping.iso_boxes import IsoBox, boxes
from comfy.media.stripping.pieces import CannotStrip

_MOST = 2_000_000  # samples, chunks
# Bytes to charge per number, which limits all tables of a file to a second of processor time.
_COST = 100


def sample_ranges(reader: Reader, table: IsoBox) -> list[tuple[int, int]]:
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
