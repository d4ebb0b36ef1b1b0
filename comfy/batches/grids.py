"""Grids of a batch's results: every combination of few fields, as an image with its settings."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from io import BytesIO
from itertools import count, islice
from pathlib import Path
from typing import Annotated, Any

from PIL import Image, ImageDraw, ImageOps
from pydantic import Field, TypeAdapter, ValidationError

from comfy.base.errors import ComfyError
from comfy.base.json_values import NotJson, TooDeep, read_json
from comfy.base.messages import message
from comfy.form.labels import choice_labels
from comfy.media.decoding import Undecodable, opened, with_eight_bits
from comfy.media.drawing import Font, Fonts, png_of
from comfy.media.png import PNG_SIGNATURE, read_png
from comfy.media.reader import DamagedFile, Reader, Text

MOST_CELLS = 1_000  # on a page: larger grids aren't readable
_LONGEST_LABEL = 40  # characters
_MOST_AXES = 3
_CUT = "…"
_WORTH_CUTTING = 8  # characters
_FEW = 3
_LONGEST_OF_FEW = 16  # characters
_IS_FILE = re.compile(r"\A\S.*\.[A-Za-z]\w{1,11}")
KEYWORD = "comfyforms_grid"
_MOST_TEXT = 4_000_000  # characters
_MOST_VALUES = 10_000
_MOST_FIELDS = 1_000
_Word = Annotated[str, Field(max_length=200_000)]
_Name = Annotated[str, Field(max_length=1_000)]
MOST_PIXELS = 40_000_000
_SIDES = (64, 1024)  # allowed pixels of a cell
_LEAST_SIDE = 16
_LOOKED_AT = 20  # cells to find the common shape
_GAP = 8
_LONGEST = 160  # drawn characters of a text
_LEAST_WIDTH = 360
_NO_FONT = "This computer has no font for some labels; they are numbered instead."
# Returns the file of a cell's image, or a text to draw instead.
Content = Callable[[int], Path | str]
Turn = Callable[[], AbstractContextManager[None]]
_LABEL_LINES, _HEAD_LINES = 6, 3
_TEXT, _QUIET, _PAPER = (24, 24, 27), (82, 82, 91), (255, 255, 255)
_EMPTY, _FRAME = (244, 244, 245), (212, 212, 216)


def fits_grid(counts: Sequence[int]) -> bool:
    """Tell if this many values of these fields make a readable grid."""
    return 1 <= len(counts) <= _MOST_AXES and 0 < math.prod(counts[:2]) <= MOST_CELLS


@dataclass(frozen=True, slots=True)
class GridAxis:
    """Varied field: its key, its label, and its values as shown to users."""

    key: str
    label: str
    values: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        return short_labels(self.values)


@dataclass(frozen=True, slots=True)
class Grid:
    """Axes of a batch, the slowest-changing first: columns, lines, pages. `swapped`: the second
    axis is the columns."""

    axes: tuple[GridAxis, ...]
    swapped: bool = False

    @property
    def across(self) -> GridAxis:
        """Return the columns' axis."""
        return self.axes[1 if self.swapped and len(self.axes) > 1 else 0]

    @property
    def down(self) -> GridAxis | None:
        """Return the lines' axis; None for a single field, whose cells are wrapped into lines."""
        if len(self.axes) < 2:
            return None
        return self.axes[0 if self.swapped else 1]

    @property
    def pages(self) -> GridAxis | None:
        return self.axes[2] if len(self.axes) > 2 else None

    def index(self, x: int, y: int = 0, z: int = 0) -> int:
        """Return the index in the batch of the cell at these values of the first, second and third
        axis."""
        _, lines, pages = self._counts
        return (x * lines + y) * pages + z

    def place(self, index: int) -> tuple[int, int, int]:
        """Return the values of the three axes for a row index: the inverse of `index`."""
        _, lines, pages = self._counts
        rest, z = divmod(index, pages)
        return *divmod(rest, lines), z

    def lines(self, page: int = 0) -> tuple[tuple[int, ...], ...]:
        """Return the batch indexes of a page's cells, line by line."""
        across, down = self._counts[:2]
        whole = [[self.index(x, y, page) for x in range(across)] for y in range(down)]
        return tuple(zip(*whole, strict=True)) if self.swapped else tuple(map(tuple, whole))

    @property
    def _counts(self) -> tuple[int, int, int]:
        first, second, third = (*(len(axis.values) for axis in self.axes), 1, 1)[:3]
        return first, second, third


def in_lines(cells: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Wrap the cells of one line into a roughly square block."""
    width = max(1, math.ceil(math.sqrt(len(cells))))
    return tuple(tuple(cells[at : at + width]) for at in range(0, len(cells), width))


def short_labels(values: Sequence[str], longest: int = _LONGEST_LABEL) -> tuple[str, ...]:
    """Return a distinguishing one-line label of at most `longest` characters for each value. Model
    files lose their folder, long texts the words that all begin and end with. Different values have
    different labels."""
    known = list(dict.fromkeys(values))
    lines = [" ".join(value.split()) for value in known]
    if all(map(_IS_FILE.fullmatch, lines)) and len(set(lines)) == len(lines):
        lines = [label for label, _ in choice_labels(lines)]
    if any(len(line) > longest for line in lines):
        lines = _without_common_words(lines)
    given: set[str] = set()
    labels = [_distinct(line, number, longest, given) for number, line in enumerate(lines, 1)]
    return tuple(map(dict(zip(known, labels, strict=True)).__getitem__, values))


def few_words(values: Sequence[object]) -> str:
    """Return the first values in short but distinct form: "2, 4, 6, …". "" if a value isn't a text
    or number."""
    if any(isinstance(one, bool) or not isinstance(one, str | int | float) for one in values):
        return ""
    texts = [f"{one:.10g}" if isinstance(one, float) else str(one) for one in values[: _FEW + 1]]
    labels = list(short_labels(texts, _LONGEST_OF_FEW))
    return ", ".join([*labels[:_FEW], *([_CUT] if len(values) > _FEW else [])])


def _distinct(line: str, number: int, longest: int, given: set[str]) -> str:
    """Return a label that isn't in `given`, and add it there."""
    label = _clipped(line, longest)
    numbers = count(number)
    while label in given:
        label = _clipped(f"{next(numbers)}: {line}", longest)
    given.add(label)
    return label


def _without_common_words(lines: Sequence[str]) -> list[str]:
    """Replace the whole words that all lines begin or end with by an ellipsis if they are more than
    a few letters. No line becomes empty."""
    words = [line.split(" ") for line in lines]
    if len(set(lines)) < 2:
        return list(lines)
    start = _shared(words)
    rest = [line[start:] for line in words]
    end = _shared([line[::-1] for line in rest])
    least = min(map(len, rest))
    end = max(0, min(end, least - 1))
    if not least:  # a line is the beginning of another one
        start, end = max(0, start - 1), 0
    if len(" ".join(words[0][:start])) < _WORTH_CUTTING:
        start = 0
    if len(" ".join(words[0][len(words[0]) - end :])) < _WORTH_CUTTING:
        end = 0
    kept = [" ".join(line[start : len(line) - end]) for line in words]
    return [(_CUT * bool(start)) + line + (_CUT * bool(end)) for line in kept]


def _shared(lines: Sequence[Sequence[str]]) -> int:
    """Return the number of leading words they share."""
    beside = enumerate(zip(*lines, strict=False))
    least = min(map(len, lines))
    return next((at for at, words in beside if len(set(words)) > 1), least)


def _clipped(line: str, longest: int) -> str:
    return line if len(line) <= longest else line[: longest - 1].rstrip() + _CUT


@dataclass(frozen=True, slots=True)
class GridField:
    """Varied field, by its key and label, with its values as text; `files`: the values are file
    names. `find`: the words that each value replaces."""

    field: _Name
    label: _Name
    values: Annotated[tuple[_Word, ...], Field(max_length=_MOST_VALUES)]
    find: _Word = ""
    files: bool = False


@dataclass(frozen=True, slots=True)
class GridSettings:
    """Settings of a grid. `batch`: its id, for its owner; `base`: values by field key in the
    browser's format; `files`: the names of unvaried files, also by field key."""

    workflow: _Name
    batch: _Name
    axes: Annotated[tuple[GridField, ...], Field(min_length=1, max_length=3)]
    base: Annotated[Mapping[str, Any], Field(max_length=_MOST_FIELDS)] = field(default_factory=dict)
    files: Annotated[Mapping[str, _Name], Field(max_length=_MOST_FIELDS)] = field(
        default_factory=dict
    )


_SETTINGS = TypeAdapter(GridSettings)


def settings_text(settings: GridSettings) -> str:
    """Return the settings as a PNG text, under KEYWORD."""
    return json.dumps(asdict(settings), separators=(",", ":"))


def settings_in(data: bytes) -> GridSettings:
    """Return the settings at the beginning of a PNG. Raises only ComfyError, for any bytes."""
    text = next((one.text for one in _texts_of(data) if one.key == KEYWORD), None)
    if text is None:
        raise ComfyError(
            message("This image doesn't contain a grid."),
            message("Use the original file: editing usually removes the workflow from it."),
        )
    try:
        if len(text) > _MOST_TEXT:
            raise TooDeep  # noqa: TRY301 - the same error for all other content
        return _SETTINGS.validate_python(read_json(text))
    except (NotJson, TooDeep, ValidationError):
        raise ComfyError(
            message("The grid in this image can't be read."),
            message("It may be damaged, or from a newer version of ComfyForms."),
        ) from None


def _texts_of(data: bytes) -> list[Text]:
    texts: list[Text] = []
    if not data.startswith(PNG_SIGNATURE):
        return texts
    try:
        texts.extend(read_png(Reader(BytesIO(data))))
    except DamagedFile:  # cut off, but the texts before the image data are complete
        return texts
    return texts


@dataclass(frozen=True, slots=True)
class CellLine:
    """Line of cells, by their indexes. `label` stands before the line. `heads` stand above the
    cells if they differ from the previous line's."""

    cells: tuple[int, ...]
    label: str = ""
    heads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GridSheet:
    """Content of a grid image: a title, the varied fields of columns and lines, and the lines.
    `about`: a line below the title; `margin`: in pixels."""

    title: str
    across: str
    down: str
    lines: tuple[CellLine, ...]
    about: str = ""
    margin: int = _GAP


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
        size = min(max(side // 16, 13), 28)
        self._words = words = _Words(_texts(sheet), size)
        self._large = large = _Words([sheet.title], size * 3 // 2)
        edge = sheet.margin
        columns = max((len(line.cells) for line in sheet.lines), default=0)
        labels = [words.shown(one.label, f"#{at}") for at, one in enumerate(sheet.lines, 1)]
        down = words.shown(sheet.down)
        self._arrow = words.line // 2  # its length, with the same space before it
        behind = 3 * self._arrow if down else 0  # beside the arrow stands the columns' first value
        widest = max(words.width(down) + behind, *map(words.width, labels), 0)
        self._left = min(widest, max(140, self._cell[0] * 2 // 3)) + _GAP if widest else 0
        self._left += edge
        self.width = max(self._left + columns * (self._cell[0] + _GAP) - _GAP + edge, _LEAST_WIDTH)
        room = self._left - edge - _GAP
        self._down = words.wrapped(down, room - behind, 1)
        self._labels = [words.wrapped(one, room, _LABEL_LINES) for one in labels]
        self._title = large.wrapped(large.shown(sheet.title), self.width - 2 * edge, 2)
        self._about = words.wrapped(words.shown(sheet.about), self.width - 2 * edge, 1)
        across = self.width - self._left - 2 * self._arrow - edge
        self._across = words.wrapped(words.shown(sheet.across), across, 1)
        self._heads = [
            [
                words.wrapped(words.shown(head, f"#{at}"), self._cell[0], _HEAD_LINES)
                for at, head in enumerate(line.heads, 1)
            ]
            for line in sheet.lines
        ]
        self._note = words.wrapped(_NO_FONT * words.is_short, self.width - 2 * edge, 3)
        self._heights = [words.height(heads) + self._cell[1] + _GAP for heads in self._heads]
        names = words.height([self._about]) + words.height([self._across])
        self._top = edge + large.height([self._title]) + names + _GAP
        self._bottom = words.height([self._note]) + edge
        self.height = self._top + sum(self._heights) + self._bottom

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def strips(self, content: Content, turn: Turn) -> Iterator[Image.Image]:
        """Yield the image in strips from top to bottom."""
        words, edge = self._words, self._sheet.margin
        top, draw = self._strip(self._top)
        self._large.draw(draw, (edge, edge), self._title)
        under = edge + self._large.height([self._title])
        words.draw(draw, (edge, under), self._about, _QUIET)
        under += words.height([self._about])
        self._draw_name(draw, (self._left, under), self._across, turns=0)
        yield top
        for number, line in enumerate(self._sheet.lines):
            yield self._line(number, line, content, turn)
        bottom, draw = self._strip(self._bottom)
        words.draw(draw, (edge, 0), self._note, _QUIET)
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
        words, (width, height), edge = self._words, self._cell, self._sheet.margin
        strip, draw = self._strip(self._heights[number])
        top = words.height(self._heads[number])
        if not number:  # next to the columns' labels, right above the lines' own labels
            self._draw_name(draw, (edge, max(0, top - words.line - _GAP)), self._down, turns=1)
        words.draw(draw, (edge, top), self._labels[number])
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
    texts = [sheet.title, sheet.about, sheet.across, sheet.down]
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


def sheet_of(grid: Grid, title: str, page: int = 0) -> GridSheet:
    """Return the sheet of a page. The cells of a single field are wrapped into lines, each below
    its value. Raises IndexError if the page doesn't exist."""
    pages, across, down = grid.pages, grid.across, grid.down
    if pages is not None:
        title = f"{title} · {pages.label}: {pages.labels[page]}"
    lines = grid.lines(page)
    heads = across.labels
    if down is None:
        cell_lines = (
            CellLine(cells, "", tuple(heads[at] for at in cells)) for cells in in_lines(lines[0])
        )
        return GridSheet(title, across.label, "", tuple(cell_lines))
    cell_lines = (
        CellLine(cells, label, () if number else heads)
        for number, (cells, label) in enumerate(zip(lines, down.labels, strict=True))
    )
    return GridSheet(title, across.label, down.label, tuple(cell_lines))
