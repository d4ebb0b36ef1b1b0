"""Measure a GIF and count its frames. Pillow's own count takes minutes for a file that consists
only of frames."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from comfy.media.reader import TOO_MUCH, DamagedFile

GIF_SIGNATURE = b"GIF8"
_MOST_PARTS = 1_000_000  # as many as fit into 256 MB
# Parts of comments, 5 MB: Pillow's time grows with the square of their number.
_MOST_REMARKS = 20_000


def measure(file: BinaryIO) -> tuple[int, int, int]:
    """Return the width and height that hold every frame, and the number of frames. Raises
    DamagedFile."""
    file.seek(0)
    head = file.read(13)
    if len(head) < 13:
        raise DamagedFile("It is cut off.")
    width, height, flags = struct.unpack("<6xHHB2x", head)
    file.seek(_colours(flags), os.SEEK_CUR)
    frames, remarks, inside, beside = 0, 0, False, False
    for _ in range(_MOST_PARTS):
        match file.read(1):
            case b"":
                break
            case length if inside:
                inside, remarks = length != b"\0", remarks + beside
                file.seek(length[0], os.SEEK_CUR)
            case b";":
                break
            case b"!":
                inside = beside = True
                file.seek(1, os.SEEK_CUR)
            case b",":
                left, top, wide, high, flags = struct.unpack("<HHHHB", file.read(9).ljust(9, b"\0"))
                width, height = max(width, left + wide), max(height, top + high)
                frames, inside, beside = frames + 1, True, False
                file.seek(_colours(flags) + 1, os.SEEK_CUR)
    else:
        raise DamagedFile(TOO_MUCH)
    if remarks > _MOST_REMARKS:
        raise DamagedFile(TOO_MUCH)
    return width, height, frames


def _colours(flags: int) -> int:
    """Return the size of a color table, in bytes."""
    return 3 * 2 ** (flags % 8 + 1) if flags & 0x80 else 0
