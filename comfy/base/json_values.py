"""Read untrusted JSON so that it can be written again, and convert its values to expected types.

JSON from `read_json` and `parse_json` has no NaN and no infinity; other code doesn't check again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MAX_DEPTH = 100
# Lists and objects, a few hundred bytes each; the largest graph seen has 12,000.
_MAX_PARTS = 300_000
_MAX_VALUES = 1_000_000  # commas; some 300 ns and 100 bytes each
# The limit for a server's JSON; its catalog has 27,000 and 59,000 values in ComfyUI 0.33.0.
_SERVER_PARTS, _SERVER_VALUES = 1_000_000, 3_000_000
_LEAVES = (str, int, float, type(None))
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1  # signed and unsigned 64 bits: seeds use the latter
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_HALF_CHARACTER = (
    "There is half a character in this text, as of an emoji that was cut. Write it again."
)
_NOT_FINITE = "A number is NaN or infinite. Send a finite number."
_TOO_LARGE = "A whole number has more than 64 bits. Send a smaller one."


class NotJson(Exception):
    """A text is not JSON, or cut off."""


class TooDeep(Exception):
    """A document is nested too deeply for a workflow, or has more parts than any."""


def read_json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """The JSON value a text begins with; what follows it is ignored, since containers pad with NULs
    and worse.

    NaN and infinity, which ComfyUI writes into `is_changed` and JSON cannot carry, become None;
    NULs go, and halves of characters. Raises NotJson and TooDeep.
    """
    text = text.replace("\0", "").lstrip("\ufeff \t\r\n")
    if text.count("[") + text.count("{") > _MAX_PARTS or text.count(",") > _MAX_VALUES:
        raise TooDeep
    try:
        value, _ = _DECODER.raw_decode(text)
    except ValueError as error:
        raise NotJson(str(error)) from error
    except RecursionError as error:
        raise TooDeep from error
    _measure(value)
    return _without_lone_surrogates(value) if "\\u" in text else value


def parse_json(data: str | bytes) -> Any:  # noqa: ANN401 - any JSON value
    """All of a JSON text: the word of a server or of a file that an operator names. NaN and
    infinity become None. ValueError, also for one with more parts than any server sends, and
    RecursionError as of `json.loads`.
    """
    if isinstance(data, bytes):
        data = data.decode(json.detect_encoding(data), "surrogatepass")
    if data.count("[") + data.count("{") > _SERVER_PARTS or data.count(",") > _SERVER_VALUES:
        raise ValueError("too many parts")
    return _STRICT_DECODER.decode(data)


def levels(value: object) -> Iterator[list[Any]]:
    """Yield a JSON value level by level: itself, its children, their children … Iterative, since
    the depth may be what the caller checks."""
    level = [value]
    while level:
        yield level
        level = [
            child
            for parent in level
            if not isinstance(parent, _LEAVES)
            for child in _children(parent)
        ]


def refused_value(value: object) -> str:
    """Return why one value of a parsed JSON text can't be used, for people; "" if it can. The
    values inside a list or an object are not looked at: see `levels`.

    Refused are what Python's `json` reads and neither a database nor an answer can carry: lone
    surrogates (in keys too), NaN, infinity, and whole numbers above 64 bits.
    """
    match value:
        case str():
            return _HALF_CHARACTER if _has_lone_surrogate(value) else ""
        case dict():
            return _HALF_CHARACTER if any(map(_has_lone_surrogate, value)) else ""
        case float():
            return "" if math.isfinite(value) else _NOT_FINITE
        case int():
            return "" if _SMALLEST <= value <= _LARGEST else _TOO_LARGE
        case _:
            return ""


def _has_lone_surrogate(text: str) -> bool:
    """Return whether the text holds half a character, which UTF-8 can't carry."""
    return not text.isascii() and _LONE_SURROGATE.search(text) is not None


def as_mapping(value: object) -> dict[str, Any]:
    """The object itself; an empty one for all else."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The list itself; an empty one for all else."""
    return value if isinstance(value, list) else []


def as_dicts(value: object) -> Iterator[dict[str, Any]]:
    """The objects in a list."""
    return (item for item in as_list(value) if isinstance(item, dict))


def as_text(value: object) -> str:
    """The text itself, "" for all else."""
    return value if isinstance(value, str) else ""


def as_number(value: object) -> int | float | None:
    """A finite number; None for all else, which true and false are too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def _children(value: object) -> Iterable[Any]:
    match value:  # whether something is a Mapping takes longest to tell
        case list():
            return value
        case dict() | Mapping():
            return value.values()
        case _:
            return ()


def _finite(number: str) -> float | None:
    value = float(number)
    return value if math.isfinite(value) else None


# Made once: `json.loads` would make one for each text, in the time that a short text takes to read.
_STRICT_DECODER = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite)
# strict=False: line breaks inside strings, which people's own tools leave unescaped.
_DECODER = json.JSONDecoder(strict=False, parse_constant=lambda _: None, parse_float=_finite)


def _measure(value: object) -> None:
    """Raise TooDeep for lists and objects in one another beyond MAX_DEPTH."""
    for depth, level in enumerate(levels(value)):
        if depth >= MAX_DEPTH and any(isinstance(one, dict | list) for one in level):
            raise TooDeep


def _without_lone_surrogates(value: object) -> object:
    r"""Half a character, as `\ud83d` alone, cannot be sent or shown: it becomes a question mark."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.loads(text.encode(errors="replace"))
    return value
