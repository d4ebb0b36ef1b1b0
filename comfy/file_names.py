"""File names that strangers give, made harmless for every system they may end up on."""

from __future__ import annotations

import re

LONGEST = 80  # characters, of which none takes more than four of the 255 bytes that file systems allow

# What Windows takes for a device, whatever ending follows.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE | re.ASCII)


def plain_name(name: str, otherwise: str = "file") -> str:
    """The last part of a path as a name of letters, digits, spaces and `-_.()`, at most LONGEST characters long.

    The ending stays. `otherwise` is the answer where nothing is left.
    """
    last = re.split(r"[/\\]", name)[-1]
    clean = "".join(c if c.isalnum() or c in " -_.()" else "_" for c in last).strip(" .")
    stem, dot, ending = clean.rpartition(".")
    if not dot or len(ending) > 10:
        stem, ending = clean, ""
    stem = stem[: LONGEST - len(ending) - 1].rstrip(" .") or otherwise
    plain = f"{stem}.{ending}" if ending else stem
    return f"_{plain}" if _DEVICE.match(plain) else plain
