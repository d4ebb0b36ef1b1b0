"""Versions of ComfyUI, compared by their numbers."""

from __future__ import annotations

import re

_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?")


def is_newer(version: str, than: str) -> bool:
    """Return whether a version is newer than another. False if either can't be read, such as a
    commit."""
    first, second = _numbers(version), _numbers(than)
    return first is not None and second is not None and first > second


def newest(*versions: str) -> str:
    """Return the newest version, "" if none can be read."""
    read = [(numbers, one) for one in versions if (numbers := _numbers(one)) is not None]
    return max(read)[1].removeprefix("v") if read else ""


def _numbers(version: str) -> tuple[int, int, int] | None:
    match = _VERSION.match(version)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None
