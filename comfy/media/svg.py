"""Check that an SVG is a plain drawing that a browser can show safely and quickly as an image."""

from __future__ import annotations

import re
from xml.parsers import expat

MOST_BYTES = 4 * 1024 * 1024
_MOST_ELEMENTS = 20_000
_MOST_DEPTH = 200
_MOST_COSTLY = 16  # per drawing: these elements can be nested, and each level multiplies the work
_SHAPES = (
    "path",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "text",
    "tspan",
    "textPath",
    "image",
)
_PAINTS = (
    "linearGradient",
    "radialGradient",
    "stop",
    "clipPath",
    "mask",
    "pattern",
    "marker",
    "filter",
)
_FRAMES = (
    "svg",
    "g",
    "defs",
    "symbol",
    "use",
    "title",
    "desc",
    "metadata",
    "style",
    "switch",
    "view",
)
_DRAWS = frozenset((*_SHAPES, *_PAINTS, *_FRAMES))
_COSTLY = frozenset(("mask", "pattern", "marker", "filter"))
_SVG, _XHTML = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"
_HELD = "metadata"  # its content isn't drawn
_INSIDE = re.compile(r"#[^#]*|data:image/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/=\s]*")
_REACHES_OUT = re.compile(r"@import|expression\(|\\|url\((?!#)", re.IGNORECASE)


class _Refused(Exception):
    """Error for the first part that a plain drawing may not have."""


def is_plain_drawing(data: bytes) -> bool:
    """Return whether this is a complete SVG of bounded size, without scripts, events, entities,
    foreign content or external addresses."""
    if len(data) > MOST_BYTES:
        return False
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse  # a DOCTYPE can declare entities
    parser.ProcessingInstructionHandler = reader.refuse  # can name style sheets
    try:
        parser.Parse(data, True)  # noqa: FBT003 - expat takes no names
    except (_Refused, expat.ExpatError, ValueError, LookupError):
        return False
    return True


class _Reader:
    def __init__(self) -> None:
        self.open: list[
            tuple[str, bool]
        ] = []  # names, and whether the element or an ancestor can be referred to
        self.elements = 0
        self.costly = 0

    def refuse(self, *_: object) -> None:
        raise _Refused

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        if self.elements > _MOST_ELEMENTS or len(self.open) > _MOST_DEPTH:
            raise _Refused
        space, _, plain = name.rpartition(" ")
        referable = bool(self.open and self.open[-1][1]) or (bool(self.open) and "id" in attributes)
        held = any(one == _HELD for one, _ in self.open)
        self.open.append((plain, referable))
        if (len(self.open) == 1) != (name == f"{_SVG} svg"):
            raise _Refused
        if held or space != _SVG:  # a drawing program's own data, which isn't drawn
            if space in (_SVG, _XHTML):
                raise _Refused
            return
        if plain not in _DRAWS:
            raise _Refused
        self.costly += plain in _COSTLY
        if self.costly > _MOST_COSTLY or (plain == "use" and referable):
            raise _Refused
        for key, value in attributes.items():
            self._attribute(key.rpartition(" ")[2].lower(), value.strip())

    def _attribute(self, key: str, value: str) -> None:
        if (
            key.startswith("on")
            or (key in ("href", "src") and not _INSIDE.fullmatch(value))
            or _REACHES_OUT.search(value)
        ):
            raise _Refused

    def end(self, _: str) -> None:
        self.open.pop()

    def text(self, text: str) -> None:
        if self.open and self.open[-1][0] == "style" and _REACHES_OUT.search(text):
            raise _Refused
