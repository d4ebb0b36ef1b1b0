"""A minimal MP4 writer: H.264 with every macroblock stored uncompressed.

H.264 lets a macroblock carry raw samples (I_PCM, ITU-T H.264 7.3.5). With only such macroblocks, a
whole encoder fits into this file and needs no library, and every player and browser can play the
result. The price is size: 1.5 bytes per pixel and image.

The frames of a `Pan` are the exception: only its still is stored, and each frame moves it by one
motion vector, at five bits per macroblock. With a last image, each frame mixes two halves of the
still.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from comfyui_standin.nodes.motion import Pan

_MACROBLOCK = 16
_ORDER_BITS = 16  # of an image's number in the order of output
_TIMESCALE = 90_000
# Main profile and the highest level, since such images need a high bit rate.
_PROFILE, _LEVEL = 77, 51

# The stream is byte-aligned after an I_PCM macroblock. mb_type ue(25) takes nine bits, so seven
# zeros follow.
_NEXT_MACROBLOCK = b"\x0d\x00"


class Bits:
    """Writer of a bit string."""

    def __init__(self) -> None:
        self._text = ""

    def put(self, value: int, count: int) -> Bits:
        """Append a number with this many bits."""
        self._text += f"{value:0{count}b}"
        return self

    def same(self, bit: int, count: int) -> Bits:
        """Append one bit many times."""
        self._text += str(bit) * count
        return self

    def ue(self, value: int) -> Bits:
        """Append an unsigned Exp-Golomb number."""
        length = (value + 1).bit_length()
        return self.put(value + 1, 2 * length - 1)

    def se(self, value: int) -> Bits:
        """Append a signed Exp-Golomb number."""
        return self.ue(2 * value - 1 if value > 0 else -2 * value)

    def align(self) -> Bits:
        """Append zeros up to the next byte boundary."""
        self._text += "0" * (-len(self._text) % 8)
        return self

    def end(self) -> bytes:
        """Append a stop bit and return the bytes."""
        return self.put(1, 1).align().bytes()

    def bytes(self) -> bytes:
        """Return the bits as bytes. Their number must be a multiple of 8."""
        return int("1" + self._text, 2).to_bytes(len(self._text) // 8 + 1, "big")[1:]


@dataclass(frozen=True, slots=True)
class _Track:
    """What the file's header tells of the images. `sps`: their parameters for decoders; `keys`: the
    numbers of images that need no other one, None if that is each."""

    size: tuple[int, int]
    sps: bytes
    sizes: Sequence[int]
    duration: int
    keys: tuple[int, ...] | None = None


def mp4(images: Sequence[Image.Image], fps: float, comment: str = "") -> bytes:
    """Return the images as a video, without an odd last row or column. Raises ValueError if nothing
    is left to show. `comment`: a text for the file's metadata."""
    if not images:
        raise ValueError("a video needs at least one image")
    width, height = (side // 2 * 2 for side in images[0].size)
    if not width or not height:
        raise ValueError("a video needs images of at least 2 by 2 pixels")
    if isinstance(images, Pan):
        edge, coded, keys = images.edge, images.still.size, (1,)
        samples = [_nal(_slice(images.still, 0))]
        samples += [
            _nal(
                _faded(images.share(number), images.size[0], coded, number)
                if images.last
                else _moved(images.offset(number), coded, number)
            )
            for number in range(1, len(images))
        ]
    else:
        edge, coded, keys = (0, 0), (width, height), None
        samples = [
            _nal(_slice(image.crop((0, 0, width, height)), number))
            for number, image in enumerate(images)
        ]
    sizes = [len(sample) for sample in samples]
    track = _Track((width, height), _sps(*coded, edge), sizes, round(_TIMESCALE / fps), keys)
    header = _box(b"ftyp", b"isom" + struct.pack(">I", 512) + b"isomiso2avc1mp41")
    # The sample table contains the samples' offsets, which depend on the table's own length.
    start = len(header) + len(_moov(track, 0, comment)) + 8
    return header + _moov(track, start, comment) + _box(b"mdat", b"".join(samples))


# --- H.264


def _sps(width: int, height: int, edge: tuple[int, int]) -> bytes:
    """Return the sequence's parameters. `edge`: pixels that aren't shown, on the right and at the
    bottom."""
    columns, rows = -(-width // _MACROBLOCK), -(-height // _MACROBLOCK)
    right = columns * _MACROBLOCK - width + edge[0]
    bottom = rows * _MACROBLOCK - height + edge[1]
    bits = Bits().put(_PROFILE, 8).put(0x40, 8).put(_LEVEL, 8).ue(0)
    bits.ue(0).ue(0).ue(_ORDER_BITS - 4).ue(1).put(0, 1)  # 16 frame numbers, one reference
    bits.ue(columns - 1).ue(rows - 1).put(1, 1).put(1, 1)  # frames only, direct 8x8
    bits.put(1, 1).ue(0).ue(right // 2).ue(0).ue(bottom // 2)
    return b"\x67" + _escaped(bits.put(0, 1).end())


def _pps() -> bytes:
    bits = Bits().ue(0).ue(0).put(0, 1).put(0, 1).ue(0).ue(0).ue(0).put(0, 1).put(1, 2)  # weights
    return (
        b"\x68" + bits.ue(0).ue(0).ue(0).put(0b100, 3).end()
    )  # the deblocking filter can be turned off


def _slice(image: Image.Image, number: int) -> bytes:
    """Return one image as an IDR slice of stored macroblocks."""
    head = (
        Bits().ue(0).ue(7).ue(0).put(0, 4).ue(number % 2)
    )  # first macroblock, I slice, pps 0, frame 0, IDR id
    head.put(0, _ORDER_BITS)
    head.put(0, 1).put(0, 1).ue(0).ue(1)  # reference marking, quantizer offset, no deblocking
    first = head.ue(25).align().bytes()
    return b"\x65" + _escaped(first + _NEXT_MACROBLOCK.join(_macroblocks(image)) + b"\x80")


def _moved(move: tuple[int, int], coded: tuple[int, int], number: int) -> bytes:
    """Return a frame that shows the first one, moved by whole pixels. Each macroblock has the
    motion vector that its neighbors predict, so only the first one states it."""
    bits = Bits().ue(0).ue(5).ue(0).put(1, 4).put(2 * number % 2**_ORDER_BITS, _ORDER_BITS)
    bits.put(0, 1).put(0, 1).ue(0).ue(1)  # one reference, in usual order; no deblocking
    first = bits.ue(0).ue(0).se(4 * move[0]).se(4 * move[1]).ue(0)  # in quarters of a pixel
    columns, rows = (-(-side // _MACROBLOCK) for side in coded)
    return b"\x01" + _escaped(first.same(1, 5 * (columns * rows - 1)).end())


def _faded(share: int, right: int, coded: tuple[int, int], number: int) -> bytes:
    """Return a B frame that shows the first one, mixed with a share, of 64, of what is `right`
    pixels further in it. Only the first macroblock states its vectors, the others are skipped."""
    bits = Bits().ue(0).ue(6).ue(0).put(1, 4).put(2 * number % 2**_ORDER_BITS, _ORDER_BITS)
    bits.put(1, 1).put(0, 3).ue(5).ue(5)  # spatial prediction, usual lists, weights of 2**5
    for weight in (64 - share, share):
        for colors in (1, 2):
            bits.put(1, 1)
            for _ in range(colors):
                bits.se(weight).se(0)
    bits.ue(0).ue(1).ue(0).ue(3).se(0).se(0).se(4 * right).se(0).ue(0)  # of both lists
    columns, rows = (-(-side // _MACROBLOCK) for side in coded)
    return b"\x01" + _escaped((bits.ue(columns * rows - 1) if columns * rows > 1 else bits).end())


def _macroblocks(image: Image.Image) -> list[bytes]:
    """Return the luma and halved chroma of each 16 by 16 block, row by row. Edge pixels are
    repeated to fill the last blocks."""
    columns, rows = -(-image.width // _MACROBLOCK), -(-image.height // _MACROBLOCK)
    full = columns * _MACROBLOCK, rows * _MACROBLOCK
    if image.size != full:
        padded = image.resize(full, box=(0, 0, image.width, image.height))
        padded.paste(image)
        image = padded
    luma, blue, red = image.convert("YCbCr").split()
    # Video uses the range 16 ... 235. As no sample is 0, the samples can't contain a start code.
    luma = luma.point([16 + round(value * 219 / 255) for value in range(256)])
    chroma = [
        plane.reduce(2).point([16 + round(value * 224 / 255) for value in range(256)])
        for plane in (blue, red)
    ]
    planes = [_tiles(luma, _MACROBLOCK), *(_tiles(plane, _MACROBLOCK // 2) for plane in chroma)]
    return [b"".join(parts) for parts in zip(*planes, strict=True)]


def _tiles(plane: Image.Image, side: int) -> list[bytes]:
    data, width = plane.tobytes(), plane.width
    return [
        b"".join(
            data[row * width + left : row * width + left + side] for row in range(top, top + side)
        )
        for top in range(0, plane.height, side)
        for left in range(0, width, side)
    ]


def _escaped(payload: bytes) -> bytes:
    """Two zeros followed by a small byte would look like a start code, so a 3 is inserted between
    them."""
    for small in range(4):
        payload = payload.replace(bytes((0, 0, small)), bytes((0, 0, 3, small)))
    return payload


def _nal(unit: bytes) -> bytes:
    return struct.pack(">I", len(unit)) + unit


# --- MP4 (ISO/IEC 14496-12)


def _box(kind: bytes, *parts: bytes) -> bytes:
    payload = b"".join(parts)
    return struct.pack(">I", len(payload) + 8) + kind + payload


def _full(kind: bytes, *parts: bytes, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


def _ints(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


_MATRIX = _ints(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def _moov(track: _Track, start: int, comment: str) -> bytes:
    whole = track.duration * len(track.sizes)
    width, height = track.size
    movie = _full(
        b"mvhd",
        _ints(0, 0, _TIMESCALE, whole, 0x10000),
        bytes.fromhex("0100"),
        bytes(10),
        _MATRIX,
        bytes(24),
        _ints(2),
    )
    dimensions = _ints(width << 16, height << 16)
    header = _full(b"tkhd", _ints(0, 0, 1, 0, whole), bytes(16), _MATRIX, dimensions, flags=3)
    media = _full(b"mdhd", _ints(0, 0, _TIMESCALE, whole), bytes.fromhex("55c40000"))
    handler = _full(b"hdlr", _ints(0), b"vide", bytes(12), b"video\0")
    data = _box(b"dinf", _full(b"dref", _ints(1), _full(b"url ", flags=1)))
    info = _box(
        b"minf",
        _full(b"vmhd", bytes(8), flags=1),
        data,
        _samples(track, start),
    )
    trak = _box(b"trak", header, _box(b"mdia", media, handler, info))
    return _box(b"moov", movie, trak, _comment(comment) if comment else b"")


def _comment(text: str) -> bytes:
    """Return the text as the comment that players show."""
    data = _box(b"data", _ints(1, 0), text.encode())
    tags = _box(b"ilst", _box(b"\xa9cmt", data))
    kind = _full(b"hdlr", _ints(0), b"mdirappl", bytes(9))
    return _box(b"udta", _full(b"meta", kind, tags))


def _samples(track: _Track, start: int) -> bytes:
    sps, pps, sizes = track.sps, _pps(), track.sizes
    config = bytes((1, _PROFILE, 0x40, _LEVEL, 0xFF, 0xE1)) + struct.pack(">H", len(sps)) + sps
    config += b"\x01" + struct.pack(">H", len(pps)) + pps
    sample = bytes(6) + struct.pack(">H", 1) + bytes(16) + struct.pack(">HH", *track.size)
    sample += (
        _ints(0x480000, 0x480000, 0) + struct.pack(">H", 1) + bytes(32) + struct.pack(">Hh", 24, -1)
    )
    return _box(
        b"stbl",
        _full(b"stsd", _ints(1), _box(b"avc1", sample, _box(b"avcC", config))),
        _full(b"stts", _ints(1, len(sizes), track.duration)),
        _full(b"stss", _ints(len(track.keys), *track.keys)) if track.keys else b"",
        _full(b"stsc", _ints(1, 1, len(sizes), 1)),
        _full(b"stsz", _ints(0, len(sizes), *sizes)),
        _full(b"stco", _ints(1, start)),
    )
