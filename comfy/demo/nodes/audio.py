"""A minimal FLAC encoder: frames of stored samples, and of silence in two bytes (RFC 9639)."""

from __future__ import annotations

import hashlib
import struct

from comfy.demo.nodes.values import AudioSamples

_BLOCK = 4096
_STORED, _CONSTANT = 1, 0
_SAMPLE_BITS = 16
_RATES = {8000: 4, 16000: 5, 22050: 6, 24000: 7, 32000: 8, 44100: 9, 48000: 10, 96000: 11}
"""Codes of common sample rates; 0 for others means: as the stream's header says."""


def silence(seconds: float, rate: int, channels: int) -> AudioSamples:
    """Nothing to hear, for so long."""
    return AudioSamples(bytes(2 * channels * round(seconds * rate)), rate, channels)


def flac_bytes(audio: AudioSamples) -> bytes:
    """The audio as a FLAC file. ValueError for a rate FLAC has no way to write."""
    if not 1 <= audio.rate <= 655_350:
        raise ValueError(f"FLAC knows no sample rate of {audio.rate}")
    width = 2 * audio.channels
    total = len(audio.samples) // width
    frames = [
        _frame(audio, audio.samples[start * width : (start + _BLOCK) * width], number)
        for number, start in enumerate(range(0, total, _BLOCK))
    ]
    # Rate 20 bits, channels 3, bits a sample 5, samples 36: together 64.
    packed = audio.rate << 44 | (audio.channels - 1) << 41 | (_SAMPLE_BITS - 1) << 36 | total
    info = struct.pack(">HH", _BLOCK, _BLOCK) + bytes(6) + struct.pack(">Q", packed)
    info += hashlib.md5(audio.samples, usedforsecurity=False).digest()
    return b"fLaC" + b"\x80" + len(info).to_bytes(3, "big") + info + b"".join(frames)


def _frame(audio: AudioSamples, samples: bytes, number: int) -> bytes:
    count = len(samples) // (2 * audio.channels)
    # A full block of 4096 has a code of its own (12); another size (7) follows at the end of the
    # header.
    size = (0xC0, b"") if count == _BLOCK else (0x70, struct.pack(">H", count - 1))
    rate = _RATES.get(audio.rate, 0)
    head = (
        b"\xff\xf8"
        + bytes((size[0] | rate, (audio.channels - 1) << 4 | 4 << 1))
        + _coded(number)
        + size[1]
    )
    head += bytes((_crc8(head),))
    body = b"".join(
        _subframe(samples, channel, audio.channels) for channel in range(audio.channels)
    )
    return head + body + struct.pack(">H", _crc16(head + body))


def _subframe(samples: bytes, channel: int, channels: int) -> bytes:
    values = struct.unpack(f"<{len(samples) // 2}h", samples)[channel::channels]
    if values.count(values[0]) == len(values):
        return bytes((_CONSTANT << 1,)) + struct.pack(">h", values[0])
    return bytes((_STORED << 1,)) + struct.pack(f">{len(values)}h", *values)


def _coded(number: int) -> bytes:
    """The frame's number in the way UTF-8 writes one."""
    return chr(number).encode("utf-8", "surrogatepass")


def _crc_table(polynomial: int, bits: int) -> tuple[int, ...]:
    top, mask = 1 << (bits - 1), (1 << bits) - 1
    table = []
    for byte in range(256):
        value = byte << (bits - 8)
        for _ in range(8):
            value = (value << 1) ^ polynomial if value & top else value << 1
        table.append(value & mask)
    return tuple(table)


_CRC_8 = _crc_table(0x07, 8)
_CRC_16 = _crc_table(0x8005, 16)


def _crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value = _CRC_8[value ^ byte]
    return value


def _crc16(data: bytes) -> int:
    value = 0
    for byte in data:
        value = (value << 8 & 0xFFFF) ^ _CRC_16[value >> 8 ^ byte]
    return value
