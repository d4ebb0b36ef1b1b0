"""Sizes in words."""

from __future__ import annotations

from comfy.base.messages import message

_KB, _MB, _GB = 1e3, 1e6, 1e9


def bytes_words(size: float) -> str:
    """Format a number of bytes: "1.2 GB", "34 MB", "5 KB"."""
    if size >= 0.95 * _GB:
        return message("{number}\xa0GB", number=_short(size / _GB))
    if size >= 0.95 * _MB:
        return message("{number}\xa0MB", number=_short(size / _MB))
    return message("{number}\xa0KB", number=round(size / _KB))


def _short(number: float) -> float:
    short = round(number, 1)
    return short if number < 10 and short != int(short) else round(number)
