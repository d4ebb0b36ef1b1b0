"""Boxes of MP4, MOV and M4A, and the allowlist of boxes that a player needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from comfy.media.reader import DAMAGED, Reader
from comfy.media.stripping.pieces import CannotStrip, Patches, Zeros

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
IN_VIDEO_ENTRY = frozenset(
    {
        *(b"avcC", b"hvcC", b"av1C", b"vpcC", b"dvcC", b"dvvC", b"esds", b"glbl", b"colr"),
        *(b"pasp", b"clap", b"btrt", b"fiel", b"gama", b"mdcv", b"clli", b"SmDm", b"CoLL"),
    }
)
IN_AUDIO_ENTRY = frozenset(
    {
        *(b"esds", b"dOps", b"dfLa", b"alac", b"dac3", b"dec3", b"btrt", b"chan", b"chnl"),
        *(b"pcmC", b"wave"),
    }
)
IN_WAVE = frozenset({b"frma", b"esds", b"enda", b"alac", b"mp4a", b"chan", bytes(4)})
_LARGE = 1  # a 64-bit size follows


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


def rest_of(start: int, end: int, inside: list[IsoBox]) -> Patches:
    """Return the patch that clears the bytes after the last box."""
    position = inside[-1].end if inside else start
    return [(position, Zeros(end - position))] if position < end else []
