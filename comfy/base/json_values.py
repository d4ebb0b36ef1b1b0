"""Read untrusted JSON into values that can be written again, and convert them to expected types.

This is the only module that parses JSON of others; `tests/test_architecture.py` finds any other.
Its values have no NaN and no infinity; other code doesn't check again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 100
_LEAVES = (str, int, float, type(None))
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1  # signed and unsigned 64 bits: seeds use the latter
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_HALF_CHARACTER = "The text contains a broken character, such as half of an emoji. Enter it again."
_NOT_FINITE = "A number is NaN or infinite. Send a finite number."
_TOO_LARGE = "A whole number has more than 64 bits. Send a smaller one."
_TOO_NESTED = "The values are nested too deeply."
_NOT_JSON = "The request is not JSON."
_EXACT_DECODER = json.JSONDecoder()


class NotJson(ValueError):
    """A text isn't JSON, or is truncated."""


class TooDeep(ValueError):
    """A document is nested too deeply, or has too many parts. The message is a sentence."""


class RefusedJson(ValueError):
    """JSON of a user that can't be used. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """Limits of a JSON text, checked before it is parsed, except for `depth` and `values`.

    `size`: bytes or characters. `parts`: lists and objects, a few hundred bytes each. `commas`:
    about 300 ns and 100 bytes each. Both are counted in texts, too. `values`: of a user's JSON,
    counted after it is parsed.
    """

    size: int
    parts: int
    commas: int
    depth: int = MAX_DEPTH
    values: int = 1_000_000

    @property
    def too_many(self) -> str:
        return f"Too many values (maximum {self.values:,})."

    def check(self, text: str) -> int:
        """Return the number of parts. Raises TooDeep for too large a text."""
        parts = text.count("[") + text.count("{")
        if len(text) > self.size or parts > self.parts or text.count(",") > self.commas:
            raise TooDeep(self.too_many)
        return parts


# The largest graph seen has 12,000 parts.
_OF_WORKFLOWS = JsonLimits(256 * 1024**2, 300_000, 1_000_000)
# The catalog of ComfyUI 0.33.0 has 27,000 parts and 59,000 commas. A queue has workflows inside.
OF_SERVERS = JsonLimits(256 * 1024**2, 1_000_000, 3_000_000, depth=500)
OF_REQUESTS = JsonLimits(32 * 1024**2, 50_000, 100_000, values=100_000)


def read_json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value at the start of a text. The rest is ignored, since containers pad with
    NULs and worse.

    NaN and infinity become None: ComfyUI writes them into `is_changed`, but JSON can't carry them.
    NULs are removed, and lone surrogates become question marks. Raises NotJson and TooDeep.
    """
    text = text.replace("\0", "").lstrip("\ufeff \t\r\n")
    _OF_WORKFLOWS.check(text)
    try:
        value, _ = _DECODER.raw_decode(text)
    except ValueError as error:
        raise NotJson(str(error)) from error
    except RecursionError as error:
        raise TooDeep(_TOO_NESTED) from error
    _measure(value, MAX_DEPTH)
    return _without_lone_surrogates(value) if "\\u" in text else value


def parse_json(data: str | bytes, decoder: json.JSONDecoder | None = None) -> Any:  # noqa: ANN401 - any JSON value
    """Parse a whole JSON text of another program, or of a file. NaN and infinity become None,
    unless another `decoder` reads them. Raises ValueError, also for a text above the limits."""
    return _decoded(data, OF_SERVERS, decoder or _STRICT_DECODER)


def json_or_none(data: str | bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of `parse_json`, None if the text isn't JSON."""
    try:
        return parse_json(data)
    except ValueError:
        return None


def parse_sent(data: str | bytes, limits: JsonLimits = OF_REQUESTS) -> Any:  # noqa: ANN401 - any JSON value
    """Parse JSON that a user sends. Raises RefusedJson, also for a value that `refused_value`
    rejects."""
    try:
        value = _decoded(data, limits, _EXACT_DECODER)
    except TooDeep as error:
        raise RefusedJson(str(error)) from error
    except ValueError as error:
        raise RefusedJson(_NOT_JSON) from error
    number = 0
    for level in levels(value):
        number += len(level)
        if number > limits.values:
            raise RefusedJson(limits.too_many)
        if problem := next(filter(None, map(refused_value, level)), ""):
            raise RefusedJson(problem)
    return value


def _decoded(data: str | bytes, limits: JsonLimits, decoder: json.JSONDecoder) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(data, bytes):
        data = data.decode(json.detect_encoding(data), "surrogatepass")
    parts = limits.check(data)
    try:
        value = decoder.decode(data)
    except RecursionError as error:
        raise TooDeep(_TOO_NESTED) from error
    if parts > limits.depth:
        _measure(value, limits.depth)
    return value


def levels(value: object) -> Iterator[list[Any]]:
    """Yield a JSON value level by level: itself, its children, their children … Not recursive,
    since the caller may be checking the depth."""
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
    """Return why one value of a parsed JSON text can't be used, as a sentence for users, or "" if
    it can. Values inside a list or an object aren't checked: see `levels`.

    Refuses what Python's `json` reads but a database or an answer can't carry: lone surrogates (in
    keys too), NaN, infinity, and integers above 64 bits.
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
    """Return whether the text has a lone surrogate, which UTF-8 can't carry."""
    return not text.isascii() and _LONE_SURROGATE.search(text) is not None


def as_mapping(value: object) -> dict[str, Any]:
    """Return an object unchanged; {} for any other value."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return a list unchanged; [] for any other value."""
    return value if isinstance(value, list) else []


def as_dicts(value: object) -> Iterator[dict[str, Any]]:
    return (item for item in as_list(value) if isinstance(item, dict))


def as_text(value: object) -> str:
    """Return a text unchanged; "" for any other value."""
    return value if isinstance(value, str) else ""


def as_number(value: object) -> int | float | None:
    """Return a finite number; None for any other value, including booleans."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def _children(value: object) -> Iterable[Any]:
    match value:  # list and dict first: the check for Mapping is the slowest
        case list():
            return value
        case dict() | Mapping():
            return value.values()
        case _:
            return ()


def _finite(number: str) -> float | None:
    value = float(number)
    return value if math.isfinite(value) else None


# Shared: `json.loads` would create a decoder per text, which takes as long as reading a short text.
_STRICT_DECODER = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite)
# strict=False: users' own tools leave line breaks in strings unescaped.
_DECODER = json.JSONDecoder(strict=False, parse_constant=lambda _: None, parse_float=_finite)


def _measure(value: object, most: int) -> None:
    """Raise TooDeep for lists and objects nested deeper than `most`."""
    for depth, level in enumerate(levels(value)):
        if depth >= most and any(isinstance(one, dict | list) for one in level):
            raise TooDeep(_TOO_NESTED)


def _without_lone_surrogates(value: object) -> object:
    r"""Half a character, as `\ud83d` alone, cannot be sent or shown: it becomes a question mark."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.loads(text.encode(errors="replace"))
    return value
