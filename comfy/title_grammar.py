"""Node titles in which other programs say what a form shows, taken apart. Nothing here knows a prompt.

Each reader takes a raw title and answers what stands in it, or None where it is an ordinary title. The formats are
those of the documents named in each docstring.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

# No program needs longer titles; what is longer is no notation.
MAX_TITLE = 2_000

_WRAPPER = re.compile(
    r"<(?P<label>[^:]+):(?P<category>[^/:]+)(?:/(?P<tab>[^/:]+))?"
    r":(?P<row>\d{1,9})(?:/(?P<col>\d{1,9}))?>(?P<args>.*)",
    re.ASCII,
)
_PIXELLE = re.compile(r"\$(?P<name>[^\W\d]\w*)\.~?(?P<input>[^\s!:]+)(?P<required>!)?\s*(?::(?P<help>.*))?", re.DOTALL)
_KIND = re.compile(r"(?P<kind>TEXT|SWITCH|MODEL)_(?P<name>\S.*)")
_NUMBER = re.compile(r"[-+]?\d*\.?\d+", re.ASCII)

# The wrapper's own categories; every other is an accordion of the author's.
CATEGORIES = ("prompt", "output", "important", "advanced")


@dataclass(frozen=True)
class WrapperTitle:
    """A title of Minimalistic Comfy Wrapper WebUI. `category` is one of CATEGORIES, or the author's own."""

    label: str
    category: str
    tab: str | None
    row: int
    col: int | None
    args: str

    @property
    def limits(self) -> tuple[float, float, float | None] | None:
        """min, max and perhaps step; None unless the arguments hold two or three numbers."""
        found = [float(number) for number in _NUMBER.findall(self.args)]
        if len(found) not in (2, 3) or not all(map(math.isfinite, found)):
            return None
        return found[0], found[1], found[2] if len(found) == 3 else None

    @property
    def is_seed(self) -> bool:
        """True if a whole number of this title is a seed that the program draws."""
        return "seed" in self.label.lower() and not self.args


@dataclass(frozen=True)
class PixelleTitle:
    """A title of Pixelle: the name of a parameter, the input it sets, whether it must be given, and what it is."""

    name: str
    input: str
    required: bool
    help: str


@dataclass(frozen=True)
class KindTitle:
    """A title of the WebSocket guide: TEXT, SWITCH or MODEL, and a name."""

    kind: str
    name: str


def read_wrapper_title(title: str) -> WrapperTitle | None:
    """`<Label:category[/tab]:row[/col]> args` (Minimalistic-Comfy-Wrapper-WebUI, docs/titles.md).

    Its own categories are recognised in any case and as plurals. Numbers order rows and columns.
    """
    found = _WRAPPER.match(title.strip()) if len(title) <= MAX_TITLE else None
    if found is None or not found["label"].strip() or not found["category"].strip():
        return None
    category, tab = found["category"].strip(), (found["tab"] or "").strip()
    own = category.lower().removesuffix("s")
    return WrapperTitle(
        " ".join(found["label"].split()),
        own if own in CATEGORIES else " ".join(category.split()),
        tab or None,
        int(found["row"]),
        int(found["col"]) if found["col"] else None,
        found["args"].strip(),
    )


def read_pixelle_title(title: str) -> PixelleTitle | None:
    """`$name.input!:help` (Pixelle MCP, README: custom specification). `$output.name` marks an output."""
    found = _PIXELLE.fullmatch(title.strip()) if len(title) <= MAX_TITLE else None
    if found is None:
        return None
    return PixelleTitle(found["name"], found["input"], bool(found["required"]), " ".join((found["help"] or "").split()))


def read_kind_title(title: str) -> KindTitle | None:
    """`TEXT_positive`, `SWITCH_1`, `MODEL_base`: the prefix is the kind of input, the rest its name."""
    found = _KIND.fullmatch(" ".join(title.split())) if len(title) <= MAX_TITLE else None
    return KindTitle(found["kind"], found["name"]) if found else None
