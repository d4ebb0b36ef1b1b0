"""Count the size and frames of a GIF. Pillow's own count takes minutes for a file made of frames
only."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from comfy.base.messages import message
from comfy.media.reader import TOO_MUCH, DamagedFile

GIF_SIGNATURE = b"GIF8"
_MOST_PARTS = 1_000_000  # as many as fit tightly into 256 MB
_MOST_REMARKS = 20_000  # parts of comments, 5 MB: Pillow takes time in the square of their number


def measure(file: BinaryIO) -> tuple[int, int, int]:
    """Width and height that hold every frame, and the number of frames. Raises Damaged."""
    file.seek(0)
    head = file.read(13)
    if len(head) < 13:
        raise DamagedFile(message("It is cut off."))
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
    """Bytes of a table of colours."""
    return 3 * 2 ** (flags % 8 + 1) if flags & 0x80 else 0
