"""Values of several numbers: an image region, and the points of a curve. As in
`comfy.prompt.value_types`, input is untrusted, and BadValue describes the problem."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from comfy.base.messages import message
from comfy.prompt.value_types import BadValue, read_float, read_int

Points = tuple[tuple[float, float], ...]

_PARTS = ("x", "y", "width", "height")
_LEAST = 2  # points of a curve
_MOST = 100
_VALUE = "__value__"  # wraps a list in a prompt, which would otherwise be a link
_FOUR_NUMBERS = message("Enter four numbers: X and Y from 0, width and height from 1.")
_SEPARATORS = re.compile(r"[,;\s]+")


class Box(NamedTuple):
    """A part of an image, in pixels from its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @property
    def value(self) -> dict[str, int]:
        """Return the box in ComfyUI's format."""
        return self._asdict()


def read_box(value: object) -> Box:
    """Read a box from its four numbers, by name, in a list or in a text. Raises BadValue."""
    match unwrapped(value):
        case Mapping() as named:
            numbers: list[object] = [named.get(part) for part in _PARTS]
        case several:
            numbers = _listed(several)
    if len(numbers) != len(_PARTS):
        raise BadValue(_FOUR_NUMBERS)
    box = Box(*map(read_int, numbers))
    if min(box.x, box.y) < 0 or min(box.width, box.height) < 1:
        raise BadValue(_FOUR_NUMBERS)
    return box


def read_points(value: object) -> Points:
    """Read the points of a curve from ComfyUI's format, from pairs or from a text. Return them from
    left to right. Raises BadValue."""
    match unwrapped(value):
        case {"points": list() | tuple() as pairs}:
            pass
        case list() | tuple() as pairs:
            pass
        case other:
            numbers = _listed(other)
            pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
    points = sorted(_point(pair) for pair in pairs if not _is_blank(pair))
    if not _LEAST <= len(points) <= _MOST:
        raise BadValue(f"A curve needs {_LEAST} to {_MOST} points.")
    if len({x for x, _ in points}) < len(points):
        raise BadValue("Two points can't have the same X.")
    return tuple(points)


def drawn(curve: object, points: Points) -> object:
    """Return a curve in ComfyUI's format with other points."""
    pairs = [list(point) for point in points]
    match curve:
        case {"__value__": inner, **wrapping}:
            return {**wrapping, _VALUE: drawn(inner, points)}
        case {"points": _, **rest}:
            return {"points": pairs, **rest}
    return pairs


def wrap(values: list[Any]) -> dict[str, list[Any]]:
    """Return a list as a prompt can contain it."""
    return {_VALUE: values}


def unwrapped(value: object) -> object:
    """Return the value inside a prompt's wrapper."""
    return value[_VALUE] if isinstance(value, Mapping) and _VALUE in value else value


def _listed(value: object) -> list[Any]:
    match value:
        case list() | tuple():
            return list(value)
        case str():
            return [part for part in _SEPARATORS.split(value.strip()) if part]
    raise BadValue("Enter numbers.")


def _point(pair: object) -> tuple[float, float]:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise BadValue("Each point needs an X and a Y.")
    return read_float(pair[0]), read_float(pair[1])


def _is_blank(pair: object) -> bool:
    """Return whether a table row is empty."""
    return isinstance(pair, list | tuple) and all(part in (None, "") for part in pair)
