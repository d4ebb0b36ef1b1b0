"""Fonts for text in images: Pillow's own, and system fonts for the characters it lacks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain

from PIL import ImageFont

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


class Fonts:
    """Fonts of this machine in one size, in pixels. `files`: names of the font files to look
    for."""

    def __init__(self, size: float, files: Sequence[str] = _FILES) -> None:
        self._size = size
        self._files = files

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
        for file in self._files:
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
