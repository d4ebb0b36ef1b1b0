"""Fonts for text in images: Pillow's own, and system fonts for the characters it lacks.

PNG that is written while it is drawn, so that at most one strip is in memory.
"""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain

from PIL import Image, ImageFont

from comfy.media.png import PNG_SIGNATURE, png_chunk

Font = ImageFont.FreeTypeFont
# Common system fonts by file name: first for alphabets, then for Chinese, Japanese and Korean.
_FILES = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "Arial.ttf",
    "Helvetica.ttc",
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKjp-Regular.otf",
    "NotoSansJP-Regular.ttf",
    "NotoSansSC-Regular.ttf",
    "NotoSansKR-Regular.ttf",
    "SourceHanSans-Regular.ttc",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "ipagp.ttf",
    "YuGothM.ttc",
    "meiryo.ttc",
    "msyh.ttc",
    "malgun.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "AppleSDGothicNeo.ttc",
    "Arial Unicode.ttf",
)
_IN_NO_FONT = "\U0010fffe"
_PIECE = 2_000_000  # pixels to compress at once
_LEVEL = 4  # zlib's level: a higher one takes twice the time to save 5 %


class Fonts:
    """Fonts of this machine in one size, in pixels."""

    def __init__(self, size: float) -> None:
        self._size = size

    @cached_property
    def plain(self) -> Font:
        """Return the font that always exists; it covers English."""
        font = ImageFont.load_default(self._size)
        assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
        return font

    @cached_property
    def _installed(self) -> tuple[Font, ...]:
        return tuple(self._find())

    def _find(self) -> Iterator[Font]:
        for file in _FILES:
            with contextlib.suppress(OSError):
                yield ImageFont.truetype(file, self._size)

    def covering(self, texts: Iterable[str]) -> Font | None:
        """Return the first font with all characters of these texts; None if no font has them
        all."""
        characters = {one for one in chain.from_iterable(texts) if not one.isspace()}
        if _covers(self.plain, characters):
            return self.plain
        return next((font for font in self._installed if _covers(font, characters)), None)


def _covers(font: Font, characters: Iterable[str]) -> bool:
    missing = _look(font, _IN_NO_FONT)
    return all(_look(font, one) != missing for one in characters)


def _look(font: Font, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


def png_of(
    width: int, height: int, strips: Iterable[Image.Image], texts: Iterable[tuple[str, str]] = ()
) -> Iterator[bytes]:
    """Yield the bytes of an RGB PNG from strips, topmost first.

    Each strip is `width` pixels wide; together they are `height` pixels high. `texts`: keywords and
    their texts, written before the image.
    """
    yield PNG_SIGNATURE + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    for key, text in texts:
        packed = zlib.compress(text.encode("utf-8", "surrogatepass"))
        yield png_chunk(b"iTXt", key.encode("latin-1") + b"\0\1\0\0\0" + packed)
    packing = zlib.compressobj(_LEVEL)
    above: Image.Image | None = None
    for strip in strips:
        rows = max(1, _PIECE // width)
        for top in range(0, strip.height, rows):
            piece = strip.crop((0, top, width, min(top + rows, strip.height)))
            if data := packing.compress(_filtered(piece, above)):
                yield png_chunk(b"IDAT", data)
            above = piece.crop((0, piece.height - 1, width, piece.height))
    yield png_chunk(b"IDAT", packing.flush()) + png_chunk(b"IEND", b"")


def _filtered(piece: Image.Image, above: Image.Image | None) -> bytes:
    """Return the rows of a piece as a PNG stores them before compression: each as its difference to
    the row above. To let Pillow compute it for the first row, the row `above` is put on top of the
    piece."""
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
    offset = len(PNG_SIGNATURE)
    while offset < len(png):
        (length,) = struct.unpack_from(">I", png, offset)
        if png[offset + 4 : offset + 8] == b"IDAT":
            yield png[offset + 8 : offset + 8 + length]
        offset += length + 12
