"""The HTTP `Range` header."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class NoSuchRange(Exception):
    """Error for a range outside of the file."""


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the start and end of the range that this header requests from a file of this size.

    Returns None for the whole file: if the header has several ranges, or another format. Raises
    NoSuchRange.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or header.strip() == "bytes=-":
        return None
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if first and last and int(last) < int(first):
        return None
    if start >= size:
        raise NoSuchRange
    return start, end
