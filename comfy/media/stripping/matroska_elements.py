"""Elements of Matroska and WebM that a player needs, by ID.

An ID has the same meaning everywhere, so no table of parents is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType


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


_EBML, _BLOCK_ADDITIONS, _BLOCK_MORE, _CUE_POINT, _CUE_POSITIONS = (
    0x1A45DFA3,
    0x75A1,
    0xA6,
    0xBB,
    0xB7,
)
_VIDEO, _AUDIO, _COLOR, _MASTERING = 0xE0, 0xE1, 0x55B0, 0x55D0
MASTERS = frozenset(
    {
        *(_EBML, Id.SEGMENT, Id.SEEK_HEAD, Id.SEEK, Id.INFO, Id.TRACKS, Id.TRACK, Id.CLUSTER),
        *(Id.BLOCK_GROUP, Id.CUES, _BLOCK_ADDITIONS, _BLOCK_MORE, _CUE_POINT, _CUE_POSITIONS),
        *(_VIDEO, _AUDIO, _COLOR, _MASTERING),
    }
)
_MUXING_APP, _WRITING_APP = 0x4D80, 0x5741
REQUIRED_NAMES = frozenset({_MUXING_APP, _WRITING_APP})

_OF_HEAD = (0x4286, 0x42F7, 0x42F2, 0x42F3, 0x4287, 0x4285)
_OF_SEGMENT = (Id.SEEK_ID, 0x53AC, 0x2AD7B1, 0x4489)
_OF_CLUSTER = (0xE7, 0xA7, 0xAB, 0x9B, 0xFB, 0xFA, 0x75A2, 0xEE)
_OF_CUES = (0xB3, 0xF7, 0xF1, 0xF0, 0xB2, 0x5378)
_OF_TRACK = (
    *(Id.TRACK_NUMBER, 0x73C5, Id.TRACK_TYPE, 0xB9, 0x88, 0x55AA, 0x9C, 0x6DE7, 0x6DF8),
    *(0x23E383, 0x234E7A, 0x23314F, 0x55EE, 0xAA, 0x56AA, 0x56BB),
)
_OF_VIDEO = (
    *(0xB0, 0xBA, 0x54B0, 0x54BA, 0x54B2, 0x54B3, 0x9A, 0x9D, 0x53B8, 0x53C0),
    *(0x54AA, 0x54BB, 0x54CC, 0x54DD, 0x2EB524),
    *range(0x55B1, 0x55BE),
    *range(0x55D1, 0x55DB),
)
_OF_AUDIO = (0xB5, 0x78B5, 0x9F, 0x6264, 0x52F1)
_NUMBERS = (
    *(*_OF_HEAD, *_OF_SEGMENT, *_OF_CLUSTER, *_OF_CUES, *_OF_TRACK, *_OF_VIDEO, *_OF_AUDIO),
)
_DOC_TYPE, _LANGUAGE, _BLOCK_ADDITIONAL = 0x4282, 0x22B59C, 0xA5
LEAVES: Mapping[int, int] = MappingProxyType(  # and the most bytes that each may have
    dict.fromkeys(_NUMBERS, 8)
    | {_DOC_TYPE: 8, _LANGUAGE: 3, Id.CODEC: 32, _BLOCK_ADDITIONAL: 1 << 32}
)

# Codecs whose frames carry only pixels or samples.
CODECS = frozenset(
    {
        *(b"V_VP8", b"V_VP9", b"V_AV1", b"V_MPEG4/ISO/AVC", b"V_MPEGH/ISO/HEVC", b"V_FFV1"),
        *(b"V_MPEG4/ISO/ASP", b"V_PRORES", b"A_OPUS", b"A_VORBIS", b"A_FLAC", b"A_AAC"),
        *(b"A_MPEG/L3", b"A_PCM/INT/LIT", b"A_PCM/INT/BIG", b"A_PCM/FLOAT/IEEE", b"A_AC3"),
        *(b"A_EAC3", b"A_ALAC"),
    }
)
