"""Grammar of Minimalistic Comfy Wrapper WebUI's titles. It is a separate module because node names
use it, too."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_WRAPPER = re.compile(
    r"\A<(?P<label>[^:]+):(?P<category>[^/:]+)(?:/(?P<tab>[^/:]+))?"
    r":(?P<row>\d{1,9})(?:/(?P<col>\d{1,9}))?>(?P<args>.*)",
    re.ASCII,
)
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)", re.ASCII)
# The wrapper's own categories. Any other category is an accordion named by the author.
_CATEGORIES = ("prompt", "output", "important", "advanced")
# No program needs longer titles. A longer title isn't notation.
MAX_TITLE = 2_000


@dataclass(frozen=True, slots=True)
class WrapperTitle:
    """A title of Minimalistic Comfy Wrapper WebUI. `category` is one of the wrapper's own, or the
    author's."""

    label: str
    category: str
    tab: str | None
    row: int
    col: int | None
    args: str

    @property
    def limits(self) -> tuple[float, float, float | None] | None:
        """Return min, max and step (or None). Return None unless the arguments contain two or three
        numbers."""
        numbers = [float(number) for number in _NUMBER.findall(self.args)]
        if len(numbers) not in (2, 3) or not all(map(math.isfinite, numbers)):
            return None
        return numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else None

    @property
    def is_seed(self) -> bool:
        """Return whether an integer with this title is a seed that the program draws."""
        return "seed" in self.label.lower() and not self.args


def read_wrapper_title(title: str) -> WrapperTitle | None:
    """Parse `<Label:category[/tab]:row[/col]> args` (Minimalistic-Comfy-Wrapper-WebUI,
    docs/titles.md).

    The wrapper's own categories are recognized in any case and as plurals. Numbers order rows and
    columns.
    """
    match = _WRAPPER.match(title.strip()) if len(title) <= MAX_TITLE else None
    if match is None or not match["label"].strip() or not match["category"].strip():
        return None
    category, tab = match["category"].strip(), (match["tab"] or "").strip()
    own = category.lower().removesuffix("s")
    return WrapperTitle(
        " ".join(match["label"].split()),
        own if own in _CATEGORIES else " ".join(category.split()),
        tab or None,
        int(match["row"]),
        int(match["col"]) if match["col"] else None,
        match["args"].strip(),
    )
