"""Strip FLAC and MP3: keep the frames, drop the tags before and after them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from comfy.media.reader import DAMAGED, ID3, Reader
from comfy.media.stripping.pieces import CannotStrip, FilePiece, Span

_FLAC, _STREAM_INFO = b"fLaC", 34
_WINDOW = 128 * 1024  # longest FLAC frame to look for at the end
_MOST_TRIES = 8
_TAGS_BEHIND = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"3DI", ID3)
_ID3_HEAD = 10
_MOST_ID3 = 8
_MPEG_1 = 3
_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_ENCODER = re.compile(rb"(LAME|Lavf|Lavc)[0-9.]{0,5}[ \0]{0,5}")
_ENCODER_LENGTH, _LAME_LENGTH = 9, 36
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _table(bits: int, polynomial: int) -> tuple[int, ...]:
    """Return the CRC table: one entry per byte value."""
    values = [byte << bits - 8 for byte in range(256)]
    for _ in range(8):
        values = [value << 1 ^ (value >> bits - 1) * (polynomial | 1 << bits) for value in values]
    return tuple(values)


_CRC_8, _CRC_16 = _table(8, 0x07), _table(16, 0x8005)


def flac_pieces(reader: Reader) -> Iterator[FilePiece]:
    """Yield the pieces of a FLAC at the reader's position. Raises DamagedFile or CannotStrip."""
    if reader.take(4) != _FLAC:
        raise CannotStrip(DAMAGED)
    is_last, number = False, 0
    while not is_last:
        head, length = reader.number(1), reader.number(3)
        if (head & 0x7F == 0) != (number == 0 and length == _STREAM_INFO):
            raise CannotStrip(DAMAGED)
        if not number:
            yield _FLAC + b"\x80" + _STREAM_INFO.to_bytes(3, "big")
            yield Span(reader.position, reader.position + length)
        reader.position += length
        is_last, number = bool(head & 0x80), number + 1
    start = reader.position
    reader.position = max(start, reader.size - _WINDOW)
    if not _ends_with_frame(reader.take(reader.left)):
        raise CannotStrip(DAMAGED)
    yield Span(start, reader.size)


def _ends_with_frame(data: bytes) -> bool:
    """Return whether the data ends with a FLAC frame that has valid checksums."""
    offset, tries = len(data), 0
    while tries < _MOST_TRIES and (offset := data.rfind(b"\xff", 0, offset)) >= 0:
        if data[offset + 1 : offset + 2] in (b"\xf8", b"\xf9") and _has_head(
            data[offset : offset + 16]
        ):
            tries += 1
            if not _remainder(data[offset:], _CRC_16, 16):
                return True
    return False


def _has_head(frame: bytes) -> bool:
    """Return whether the data starts with a FLAC frame header that has a valid checksum."""
    if len(frame) < 16:
        frame += bytes(16)
    number = 8 - (frame[4] ^ 0xFF).bit_length() or 1  # length in bytes, as in UTF-8
    block, rate = frame[2] >> 4, frame[2] & 15
    length = 4 + number + {6: 1, 7: 2}.get(block, 0) + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    return _remainder(frame[: length + 1], _CRC_8, 8) == 0


def _remainder(data: bytes, table: Sequence[int], bits: int) -> int:
    """Return the CRC of these bytes; 0 if they end with their own CRC."""
    value, mask, shift = 0, (1 << bits) - 1, bits - 8
    for byte in data:
        value = (value << 8 & mask) ^ table[value >> shift ^ byte]
    return value


def mp3_pieces(reader: Reader) -> Iterator[FilePiece]:
    """Yield the pieces of an MP3, or of a FLAC after ID3 tags. Raises DamagedFile or CannotStrip.

    Only a known tag, zeros or a cut frame may follow the last frame.
    """
    reader.position = 0
    for _ in range(_MOST_ID3):
        if not _skip_id3(reader):
            break
    start = reader.position
    if reader.take(4) == _FLAC:
        reader.position = start
        yield from flac_pieces(reader)
        return
    reader.position = start
    frames = 0
    while reader.left >= 4:
        length = _frame_length(reader.take(4))
        reader.position -= 4
        if not length or length > reader.left:
            break
        reader.position += length
        frames += 1
    end = reader.position
    rest = reader.take(min(reader.left, 64 * 1024))
    is_cut = _frame_length(rest[:4].ljust(4)) > len(rest)  # players skip an incomplete frame
    if not frames or not (is_cut or rest.startswith(_TAGS_BEHIND) or not rest.strip(b"\0")):
        raise CannotStrip(DAMAGED)
    reader.position = start
    first = reader.take(_frame_length(reader.take(4)) - 4)
    reader.position = start
    yield _without_encoder(reader.take(4) + first)
    yield Span(start + 4 + len(first), end)


def _without_encoder(frame: bytes) -> bytes:
    """Return an MP3's first frame. If it describes the file (Xing, Info), an unknown encoder name
    is cleared, and so is everything after the encoder's fields."""
    offset = next(
        (offset for offset in (36, 21, 13) if frame[offset : offset + 4] in (b"Xing", b"Info")), 0
    )
    if not offset or frame[4:offset].strip(b"\0"):
        return frame
    flags = frame[offset + 7] if len(frame) > offset + 7 else 0
    end = offset + 8 + sum(size for bit, size in enumerate((4, 4, 100, 4)) if flags >> bit & 1)
    encoder = frame[end : end + _ENCODER_LENGTH]
    name = encoder if _ENCODER.fullmatch(encoder) else bytes(len(encoder))
    kept = frame[:end] + name + frame[end + _ENCODER_LENGTH : end + _LAME_LENGTH]
    return kept.ljust(len(frame), b"\0")


def _skip_id3(reader: Reader) -> bool:
    """Skip the ID3v2 tag at the reader's position. Return False if there isn't one."""
    start = reader.position
    head = reader.take(min(_ID3_HEAD, reader.left))
    reader.position = start
    if len(head) < _ID3_HEAD or head[:3] != ID3:
        return False
    size = 0
    for byte in head[6:]:
        size = size << 7 | byte & 0x7F
    reader.position += _ID3_HEAD + size + _ID3_HEAD * bool(head[5] & 0x10)
    return True


def _frame_length(head: Sequence[int]) -> int:
    """Return the bytes of the MPEG audio layer III frame with this header; 0 for anything else."""
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    kbits, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    is_frame = head[0] == 0xFF and head[1] >= 0xE0 and layer == 1 and version in _RATES
    if not is_frame or kbits in (0, 15) or rate == 3:
        return 0
    speed = (_KBITS_1 if version == _MPEG_1 else _KBITS_2)[kbits] * 1000
    return (144 if version == _MPEG_1 else 72) * speed // _RATES[version][rate] + padding
