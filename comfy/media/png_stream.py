"""A PNG that is written while it is drawn, so that no more of it than a strip is ever in memory."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator

from PIL import Image

from comfy.media.png import PNG_SIGNATURE

_PIECE = 2_000_000  # pixels that are packed at once
_LEVEL = 4  # of zlib: more takes twice the time for a twentieth


def png_of(
    width: int, height: int, strips: Iterable[Image.Image], texts: Iterable[tuple[str, str]] = ()
) -> Iterator[bytes]:
    """The bytes of a PNG in RGB, of strips as wide as it is, the topmost first, which are `height`
    lines together. `texts`: keywords and what they stand for; they come before the image."""
    yield PNG_SIGNATURE + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    for key, text in texts:
        packed = zlib.compress(text.encode("utf-8", "surrogatepass"))
        yield _chunk(b"iTXt", key.encode("latin-1") + b"\0\1\0\0\0" + packed)
    packing = zlib.compressobj(_LEVEL)
    above: Image.Image | None = None
    for strip in strips:
        rows = max(1, _PIECE // width)
        for top in range(0, strip.height, rows):
            piece = strip.crop((0, top, width, min(top + rows, strip.height)))
            if data := packing.compress(_filtered(piece, above)):
                yield _chunk(b"IDAT", data)
            above = piece.crop((0, piece.height - 1, width, piece.height))
    yield _chunk(b"IDAT", packing.flush()) + _chunk(b"IEND", b"")


def _filtered(piece: Image.Image, above: Image.Image | None) -> bytes:
    """Return the lines of a piece as a PNG stores them before compression: each line as its
    difference to the one `above`, which Pillow computes when the line stands above the piece."""
    whole = piece
    if above is not None:
        whole = Image.new("RGB", (piece.width, piece.height + 1))
        whole.paste(above, (0, 0))
        whole.paste(piece, (0, 1))
    target = io.BytesIO()
    whole.save(target, "PNG", compress_level=0)
    lines = zlib.decompress(b"".join(_image_data(target.getvalue())))
    return lines if above is None else lines[1 + 3 * piece.width :]


def _image_data(png: bytes) -> Iterator[bytes]:
    at = len(PNG_SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        if png[at + 4 : at + 8] == b"IDAT":
            yield png[at + 8 : at + 8 + length]
        at += length + 12


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
