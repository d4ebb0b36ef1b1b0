"""Read untrusted files: every read is bounded, and no size stated in a file is trusted.

Magic bytes that files start with. They identify the kind of a file; its name is never used.
"""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from comfy.base.messages import message

MAX_TEXT = (
    32 * 1024 * 1024
)  # limit of one text; the longest real graphs, with images inside, have about 10 MB
_MAX_TOTAL = 128 * 1024 * 1024  # limit of bytes read or inflated from one file
_MAX_READS = 400_000
# Reasons for the log, and the sentence for users.
DAMAGED = "Its content is damaged."
TOO_MUCH = "It's too large to read."
UNREADABLE_IMAGE = message("This image can't be read. It may be damaged or too large.")
# Map Python's escapes for bytes that aren't UTF-8 to the Latin-1 characters of those bytes.
_LATIN_1 = {0xDC00 + byte: byte for byte in range(0x80, 0x100)}
ID3 = b"ID3"
LENGTH = 64  # bytes; no check here looks further
Begins = Callable[[bytes], bool]


class DamagedFile(Exception):
    """Error for a container that is cut off, contradicts itself or asks for too much. Texts read
    before the error are good."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a container and its key there: a PNG keyword, an EXIF tag or a tag's key."""

    key: str
    text: str


@dataclass(slots=True)
class Budget:
    """Bytes and reads that one file may still use, including its inner parts."""

    amount: int = _MAX_TOTAL
    reads: int = _MAX_READS


class Reader:
    """Seekable binary file with bounded reads. It alone checks ends, sizes and amounts."""

    def __init__(self, file: BinaryIO, budget: Budget | None = None) -> None:
        self.file = file
        self.size = file.seek(0, os.SEEK_END)
        self.position = 0
        self._budget = budget or Budget()

    def inner(self, data: bytes) -> Reader:
        """Return a reader of a part already taken, with the same budget."""
        return Reader(io.BytesIO(data), self._budget)

    @property
    def left(self) -> int:
        """Return the number of bytes from here to the end."""
        return max(0, self.size - self.position)

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes. Raises DamagedFile if the file is too short or its budget
        is used up."""
        self._budget.reads -= 1
        if count > self.left:
            raise DamagedFile("It is cut off.")
        if count > MAX_TEXT or self._budget.reads < 0:
            raise DamagedFile(TOO_MUCH)
        self.spend(count)
        self.file.seek(self.position)
        data = self.file.read(count)
        self.position += count
        return data

    def number(self, count: int, order: str = "big") -> int:
        """Return the next `count` bytes as an unsigned number."""
        return int.from_bytes(self.take(count), "little" if order == "little" else "big")

    def spend(self, count: int) -> None:
        """Subtract from the bytes that may be read or inflated from this file. Raises DamagedFile
        if they are used up."""
        self._budget.amount -= count
        if self._budget.amount < 0:
            raise DamagedFile(TOO_MUCH)

    def inflate(self, data: bytes) -> bytes:
        """Inflate zlib data, to at most MAX_TEXT bytes. Raises DamagedFile."""
        try:
            plain = zlib.decompressobj().decompress(data, MAX_TEXT + 1)
        except zlib.error as error:
            raise DamagedFile(DAMAGED) from error
        if len(plain) > MAX_TEXT:
            raise DamagedFile(TOO_MUCH)
        self.spend(len(plain))
        return plain


class FewReads:
    """File with a limited number of reads, for a library that keeps reading as long as a header
    tells it to.

    Pillow takes 20 bytes of memory for each byte of a JPEG of empty segments, and a minute for 1 MB
    of a GIF's comment.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = 30_000
        self.seek = file.seek
        self.tell = file.tell

    def read(self, count: int = -1) -> bytes:
        """Read like any file. Raises OSError after too many reads."""
        self._left -= 1
        if self._left < 0:
            raise OSError(TOO_MUCH)
        return self._file.read(count)


def decode_text(data: bytes) -> str:
    """Decode bytes as UTF-8, and invalid bytes one by one as Latin-1. PNG specifies Latin-1, but
    programs write UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape").translate(_LATIN_1)


def named(data: bytes) -> tuple[str, bytes]:
    """Split `name NUL rest`."""
    name, _, rest = data.partition(b"\0")
    return decode_text(name), rest


def starts(*signatures: bytes) -> Begins:
    """Return a check for a file that starts with one of these."""
    return lambda head: head.startswith(signatures)


def is_riff(*kinds: bytes) -> Begins:
    """Return a check for a RIFF file of one of these kinds (WEBP, WAVE, AVI)."""
    return lambda head: head[:4] == b"RIFF" and head[8:12] in kinds


def is_avif(head: bytes) -> bool:
    """Return whether a file is AVIF, an image in the container of MP4."""
    return is_iso(head) and head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis")


def is_iso(head: bytes) -> bool:
    """Return whether a file is MP4, M4A, MOV or similar. The first box must be smaller than 128 MB,
    because `<!--free-->` in XML isn't a box."""
    return head[:1] < b"\x08" and head[4:8] in (
        b"ftyp",
        b"moov",
        b"mdat",
        b"wide",
        b"free",
        b"skip",
        b"udta",
    )


def is_mpeg_audio(head: bytes) -> bool:
    """Return whether a file is MP3, with or without tags in front, or streamed AAC."""
    return head[:3] == ID3 or is_mpeg_frame(head)


def is_mpeg_frame(head: bytes) -> bool:
    """Check like `is_mpeg_audio`, but without tags."""
    return head[:1] == b"\xff" and b"\xe2" <= head[1:2] < b"\xfe"
