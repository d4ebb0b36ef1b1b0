"""Read a value as the server's type: from JSON, a browser or a shell, which may send everything as
text.

Each reader accepts anything and returns the value to send, or raises BadValue with a sentence for
the field ("Enter a whole number."). Integers are exact, however large.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from PIL import ImageColor

from comfy.base.messages import message

LONGEST_TEXT = 100_000  # characters

_WHOLE = re.compile(r"[+-]?\d{1,40}(\.0*)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d{1,40}([.,]\d*)?|[.,]\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3},\d{3}", re.ASCII)
_YES_NO = MappingProxyType(
    {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
        "": False,
    }
)
_NO_COLOR = message("Choose a color, such as #ff8800.")
_WHITE = 0xFFFFFF
_MAX_COLOR = 60  # characters
_PART = r"\s*(\d{1,3}(?:\.\d{0,20})?)\s*"
_RGB = re.compile(rf"rgba?\({_PART},{_PART},{_PART}(?:,\s*[\d.]{{1,20}}%?\s*)?\)", re.ASCII)
_HSLA = re.compile(r"^hsla\(", re.ASCII)


class BadValue(ValueError):
    """Error for a value that can't be used; the field shows its text."""


def too_long() -> BadValue:
    """Return the error for a text that is longer than any field allows."""
    return BadValue(message("Maximum {most} characters.", most=f"{LONGEST_TEXT:,}"))


def read_int(value: object) -> int:
    """Read a whole number; also "20", "20.0" and 20.0, never 20.5."""
    match value:
        case bool():
            return int(value)
        case int():
            return value
        case float() if math.isfinite(value) and value.is_integer():
            return int(value)
        case str() if _WHOLE.fullmatch(value.strip()):
            return int(value.strip().partition(".")[0])
        case _ if _empty(value):
            raise BadValue(message("Enter a number."))
        case _:
            raise BadValue(message("Enter a whole number."))


def read_float(value: object) -> float:
    """Read a finite number. "12,5" is 12.5; "1,000" is ambiguous (1 or 1000) and refused."""
    match value:
        case bool() | int() | float():
            number = _as_float(value)
        case str() if _THOUSANDS.fullmatch(value.strip()):
            raise BadValue(message("Leave out the thousands separator, for example 1000 or 1.5."))
        case str() if _DECIMAL.fullmatch(value.strip()):
            number = float(value.strip().replace(",", "."))
        case _ if _empty(value):
            raise BadValue(message("Enter a number."))
        case _:
            raise BadValue(message("Enter a number."))
    if not math.isfinite(number):
        raise BadValue(message("Enter a number."))
    return number


def read_bool(value: object) -> bool:
    """Read true or false, texts by their meaning: in Python and on the server, bool("false") would
    be true."""
    match value:
        case bool() | int() | float():
            return bool(value)
        case None:
            return False
        case str() if value.strip().lower() in _YES_NO:
            return _YES_NO[value.strip().lower()]
        case _:
            raise BadValue(message("Enter true or false."))


def read_text(value: object) -> str:
    """Read a text. Numbers become their digits; None becomes the empty text."""
    match value:
        case None:
            return ""
        case str() if len(value) > LONGEST_TEXT:
            raise too_long()
        case str():  # replace lone surrogates (half an emoji), which can't be stored
            return value.encode("utf-8", "replace").decode("utf-8")
        case bool() | int() | float():
            return str(value)
        case _:
            raise BadValue(message("Enter some text."))


def read_color(value: object) -> str:
    """Read a color as "#rrggbb", from a number or from any CSS notation, ignoring transparency."""
    match value:
        case bool():
            raise BadValue(_NO_COLOR)
        case int() if 0 <= value <= _WHITE:
            return f"#{value:06x}"
        case str() if rgb_match := _RGB.fullmatch(value.strip().lower()):
            parts = [min(255, round(float(part))) for part in rgb_match.groups()]
            return "#{:02x}{:02x}{:02x}".format(*parts)
        case str() if len(value) <= _MAX_COLOR:
            try:
                red, green, blue, *_ = ImageColor.getrgb(_HSLA.sub("hsl(", value.strip().lower()))
            except ValueError:
                raise BadValue(_NO_COLOR) from None
            return f"#{red:02x}{green:02x}{blue:02x}"
        case _:
            raise BadValue(_NO_COLOR)


def _read_any(value: object) -> object:
    return value


_READERS: Mapping[str, Callable[[object], Any]] = MappingProxyType(
    {
        "INT": read_int,
        "FLOAT": read_float,
        "BOOLEAN": read_bool,
        "STRING": read_text,
        "COLOR": read_text,
    }
)


def read_value(type_: str, value: object) -> Any:  # noqa: ANN401 - as `type_` says
    """Read a value as the server's type. Raises BadValue. Values of types without a reader stay
    unchanged."""
    return _READERS.get(type_, _read_any)(value)


def match_choice(value: object, offered: tuple[Any, ...]) -> object:
    """Return the matching choice: an equal one, the same number (the editor saves 1.0 as 1), or one
    with the same text (8 for "8"). Raises BadValue."""
    for choice in offered:
        if choice == value and type(choice) is type(value):
            return choice
    for choice in offered:
        same_number = choice == value and {type(choice), type(value)} == {int, float}
        same_text = isinstance(value, str | int | float) and str(choice) == str(value)
        if same_number or same_text:
            return choice
    raise BadValue(message("Choose one."))


def _empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf
