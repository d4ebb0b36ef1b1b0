"""Grid of a batch with every combination of one to three fields: cells in columns, lines and pages.
Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from comfy.form.labels import choice_labels

MOST_CELLS = 1_000  # on a page: larger grids aren't readable
_LONGEST_LABEL = 40  # characters
_MOST_AXES = 3
_CUT = "…"
_WORTH_CUTTING = 8  # characters
_FEW = 3
_LONGEST_OF_FEW = 16  # characters
_IS_FILE = re.compile(r"\A\S.*\.[A-Za-z]\w{1,11}")


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
        """Return a short label for each value."""
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
        """Return the pages' axis."""
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
