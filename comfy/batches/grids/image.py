"""Draw many images as one, in lines and columns with labels, while it is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from comfy.media.decoding import Undecodable, opened, with_eight_bits
from comfy.media.drawing import Font, Fonts, png_of

MOST_PIXELS = 40_000_000
_SIDES = (64, 1024)  # allowed pixels of a cell
_LEAST_SIDE = 16
_LOOKED_AT = 20  # cells to find the common shape
_GAP = 8
_LABEL_LINES, _HEAD_LINES = 6, 3
_LONGEST = 160  # drawn characters of a text
_TEXT, _QUIET, _PAPER = (24, 24, 27), (82, 82, 91), (255, 255, 255)
_EMPTY, _FRAME = (244, 244, 245), (212, 212, 216)
_LEAST_WIDTH = 360
_NO_FONT = "This computer has no font for some labels; they are numbered instead."


@dataclass(frozen=True, slots=True)
class CellLine:
    """Line of cells, by their indexes. `label` stands before the line. `heads` stand above the
    cells if they differ from the previous line's."""

    cells: tuple[int, ...]
    label: str = ""
    heads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GridSheet:
    """Content of a grid image: a title, the varied fields of columns and lines, and the lines."""

    title: str
    across: str
    down: str
    lines: tuple[CellLine, ...]


# Returns the file of a cell's image, or a text to draw instead.
Content = Callable[[int], Path | str]
Turn = Callable[[], AbstractContextManager[None]]


def draw_grid(
    sheet: GridSheet,
    content: Content,
    side: int,
    texts: Iterable[tuple[str, str]],
    turn: Turn,
) -> Iterator[bytes]:
    """Yield the bytes of a PNG. `side`: pixels of a cell's longer side, reduced if the whole would
    exceed MOST_PIXELS. `texts`: see `png_of`. `turn`: entered for each image, so that only one is
    in memory at a time.

    An unreadable image leaves its cell empty. A label without a font on this machine becomes its
    number, and the last line explains it.
    """
    shape = _shape(sheet, content, turn)
    side = min(max(side, _SIDES[0]), _SIDES[1])
    while (painter := _Painter(sheet, shape, side)).pixels > MOST_PIXELS and side > _LEAST_SIDE:
        side = max(_LEAST_SIDE, side * 9 // 10)
    yield from png_of(painter.width, painter.height, painter.strips(content, turn), texts)


class _Words:
    """Texts in the fonts that have their characters. `is_short`: no font covers some of them."""

    def __init__(self, texts: Sequence[str], size: int) -> None:
        self._fonts = Fonts(size)
        self._all = self._fonts.covering(texts)
        self.is_short = not self._all and any(map(self._lacks, texts))
        self.line = round(size * 1.3)

    def _font(self, text: str) -> Font | None:
        return self._all or self._fonts.covering([text])

    def _lacks(self, text: str) -> bool:
        return self._font(text) is None

    def shown(self, text: str, otherwise: str = "") -> str:
        """Return the text, or its replacement if no font covers it."""
        return otherwise if self._lacks(text) else text

    def wrapped(self, text: str, width: int, most: int) -> list[str]:
        """Wrap the text to this width, with at most `most` lines."""
        font = self._font(text)
        if font is None or not text:
            return []
        lines = _wrapped(text[:_LONGEST], lambda part: font.getlength(part) <= width)
        if len(lines) > most:
            last = lines[most - 1]
            while last and font.getlength(f"{last}…") > width:
                last = last[:-1]
            lines = [*lines[: most - 1], f"{last}…"]
        return lines

    def width(self, text: str) -> int:
        """Return the width of a text on one line."""
        font = self._font(text)
        return math.ceil(font.getlength(text)) if font else 0

    def height(self, blocks: Iterable[Sequence[str]]) -> int:
        """Return the height of texts side by side, with a gap."""
        lines = max(map(len, blocks), default=0)
        return lines * self.line + _GAP if lines else 0

    def draw(
        self,
        draw: ImageDraw.ImageDraw,
        at: tuple[int, int],
        lines: Sequence[str],
        color: tuple[int, int, int] = _TEXT,
        anchor: str = "la",
    ) -> None:
        """Draw lines of text below each other. `anchor`: as in Pillow."""
        for number, line in enumerate(lines):
            line_position = (at[0], at[1] + number * self.line)
            draw.text(line_position, line, color, self._font(line), anchor)


def _wrapped(text: str, fits: Callable[[str], bool]) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if fits(longer):
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while not fits(line) and len(line) > 1:
            part = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or fits(line[:n]))
            lines.append(line[:part])
            line = line[part:]
    return [*lines, line] if line else lines


def _shape(sheet: GridSheet, content: Content, turn: Turn) -> float:
    """Return the aspect ratio of the first readable image, 1 without any."""
    cells = (cell for line in sheet.lines for cell in line.cells)
    files = (one for one in map(content, islice(cells, _LOOKED_AT)) if isinstance(one, Path))
    for file in files:
        try:
            with turn(), opened(file) as image:
                return min(4.0, max(0.25, image.width / image.height))
        except Undecodable:
            continue
    return 1.0


class _Painter:
    """Painter of a sheet with cells of one size, all in pixels."""

    def __init__(self, sheet: GridSheet, shape: float, side: int) -> None:
        self._sheet = sheet
        self._cell = max(1, round(side * min(1.0, shape))), max(1, round(side / max(1.0, shape)))
        self._words = words = _Words(_texts(sheet), min(max(side // 16, 13), 28))
        columns = max((len(line.cells) for line in sheet.lines), default=0)
        labels = [words.shown(one.label, f"#{at}") for at, one in enumerate(sheet.lines, 1)]
        down = words.shown(sheet.down)
        self._arrow = words.line // 2  # its length, with the same space before it
        behind = 3 * self._arrow if down else 0  # beside the arrow stands the columns' first value
        widest = max(words.width(down) + behind, *map(words.width, labels), 0)
        self._left = min(widest, max(140, self._cell[0] * 2 // 3)) + 2 * _GAP if widest else _GAP
        self.width = max(self._left + columns * (self._cell[0] + _GAP), _LEAST_WIDTH)
        self._down = words.wrapped(down, self._left - 2 * _GAP - behind, 1)
        self._labels = [words.wrapped(one, self._left - 2 * _GAP, _LABEL_LINES) for one in labels]
        self._title = words.wrapped(words.shown(sheet.title), self.width - 2 * _GAP, 2)
        across = self.width - self._left - 2 * self._arrow - _GAP
        self._across = words.wrapped(words.shown(sheet.across), across, 1)
        self._heads = [
            [
                words.wrapped(words.shown(head, f"#{at}"), self._cell[0], _HEAD_LINES)
                for at, head in enumerate(line.heads, 1)
            ]
            for line in sheet.lines
        ]
        self._note = words.wrapped(_NO_FONT * words.is_short, self.width - 2 * _GAP, 3)
        self._heights = [words.height(heads) + self._cell[1] + _GAP for heads in self._heads]
        self._top = 2 * _GAP + words.height([self._title]) + words.height([self._across])
        self._bottom = words.height([self._note]) + _GAP
        self.height = self._top + sum(self._heights) + self._bottom

    @property
    def pixels(self) -> int:
        """Return the number of pixels."""
        return self.width * self.height

    def strips(self, content: Content, turn: Turn) -> Iterator[Image.Image]:
        """Yield the image in strips from top to bottom."""
        words = self._words
        top, draw = self._strip(self._top)
        words.draw(draw, (_GAP, _GAP), self._title)
        under = _GAP + words.height([self._title])
        self._draw_name(draw, (self._left, under), self._across, turns=0)
        yield top
        for number, line in enumerate(self._sheet.lines):
            yield self._line(number, line, content, turn)
        bottom, draw = self._strip(self._bottom)
        words.draw(draw, (_GAP, 0), self._note, _QUIET)
        yield bottom

    def _strip(self, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        strip = Image.new("RGB", (self.width, height), _PAPER)
        return strip, ImageDraw.Draw(strip)

    def _draw_name(
        self, draw: ImageDraw.ImageDraw, at: tuple[int, int], name: list[str], *, turns: int
    ) -> None:
        """Draw a field's name and an arrow to its values: to the right, or down after a quarter
        turn. Few fonts have the arrow, so it is drawn as lines."""
        if not name:
            return
        words, half = self._words, self._arrow / 2
        words.draw(draw, at, name, _QUIET)
        middle = at[0] + words.width(name[0]) + 3 * half, at[1] + words.line * 0.45
        for across, down in ((-half, 0.0), (half / 4, -half * 3 / 4), (half / 4, half * 3 / 4)):
            ends = ((half, 0.0), (across, down))
            turned = [(-y, x) if turns else (x, y) for x, y in ends]
            line = [(middle[0] + x, middle[1] + y) for x, y in turned]
            draw.line(line, _QUIET, max(1, words.line // 14))

    def _line(self, number: int, line: CellLine, content: Content, turn: Turn) -> Image.Image:
        words, (width, height) = self._words, self._cell
        strip, draw = self._strip(self._heights[number])
        top = words.height(self._heads[number])
        if not number:  # next to the columns' labels, right above the lines' own labels
            self._draw_name(draw, (_GAP, max(0, top - words.line - _GAP)), self._down, turns=1)
        words.draw(draw, (_GAP, top), self._labels[number])
        for column, cell in enumerate(line.cells):
            left = self._left + column * (width + _GAP)
            if column < len(self._heads[number]):
                words.draw(draw, (left, 0), self._heads[number][column])
            shown = content(cell)
            image = _image(shown, self._cell, turn) if isinstance(shown, Path) else None
            if image is not None:
                position = left + (width - image.width) // 2, top + (height - image.height) // 2
                strip.paste(image, position)
                continue
            box = (left, top, left + width - 1, top + height - 1)
            draw.rectangle(box, _EMPTY, _FRAME)
            lines = words.wrapped(words.shown(shown if isinstance(shown, str) else ""), width, 3)
            under = top + (height - len(lines) * words.line) // 2
            words.draw(draw, (left + width // 2, under), lines, _QUIET, "ma")
        return strip


def _texts(sheet: GridSheet) -> list[str]:
    texts = [sheet.title, sheet.across, sheet.down]
    return texts + [text for line in sheet.lines for text in (line.label, *line.heads)]


def _image(file: Path, size: tuple[int, int], turn: Turn) -> Image.Image | None:
    """Return an image scaled to fit, or None if it doesn't exist."""
    try:
        with turn(), opened(file) as image:
            image.draft("RGB", size)
            small = ImageOps.contain(ImageOps.exif_transpose(with_eight_bits(image)), size)
            if small.mode != "RGBA":
                return small.convert("RGB")
            paper = Image.new("RGB", small.size, _PAPER)
            paper.paste(small, mask=small.getchannel("A"))
            return paper
    except Undecodable:
        return None
