"""Read untrusted files: every read is bounded, and no size stated in a file is trusted."""

from __future__ import annotations

import io
import os
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from comfy.base.messages import message

MAX_TEXT = (
    32 * 1024 * 1024
)  # one text; the longest real graphs, with images inside, have some 10 MB
_MAX_TOTAL = 128 * 1024 * 1024  # limit of bytes read or inflated from one file
_MAX_READS = 400_000
DAMAGED = message("Its content is damaged.")
TOO_MUCH = message("It's too large to read.")

# From Python's escapes for bytes that are not UTF-8 to the characters they are in Latin-1.
_LATIN_1 = {0xDC00 + byte: byte for byte in range(0x80, 0x100)}


class DamagedFile(Exception):
    """A container is cut off, contradicts itself, or asks for too much; texts found before that are
    good."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a container and the name it has there (a PNG keyword, an EXIF tag, a tag's
    key)."""

    key: str
    text: str


@dataclass(slots=True)
class Budget:
    """Bytes that may still be read from one file, its inner parts included."""

    amount: int = _MAX_TOTAL
    reads: int = _MAX_READS


class Reader:
    """A seekable binary file that is read in bounded pieces: ends, sizes and amounts are checked in
    this one place."""

    def __init__(self, file: BinaryIO, budget: Budget | None = None) -> None:
        self.file = file
        self.size = file.seek(0, os.SEEK_END)
        self.position = 0
        self._budget = budget or Budget()

    def inner(self, data: bytes) -> Reader:
        """A reader of a part already taken, on the same budget."""
        return Reader(io.BytesIO(data), self._budget)

    @property
    def left(self) -> int:
        """Bytes from here to the end."""
        return max(0, self.size - self.position)

    def take(self, count: int) -> bytes:
        """The next `count` bytes. Raises Damaged when there are fewer, or when this file had more
        than its share."""
        self._budget.reads -= 1
        if count > self.left:
            raise DamagedFile(message("It is cut off."))
        if count > MAX_TEXT or self._budget.reads < 0:
            raise DamagedFile(TOO_MUCH)
        self.spend(count)
        self.file.seek(self.position)
        data = self.file.read(count)
        self.position += count
        return data

    def number(self, count: int, order: str = "big") -> int:
        """The next `count` bytes as an unsigned number."""
        return int.from_bytes(self.take(count), "little" if order == "little" else "big")

    def spend(self, count: int) -> None:
        """Takes from what may be read or inflated of this file. Raises Damaged when that is used
        up."""
        self._budget.amount -= count
        if self._budget.amount < 0:
            raise DamagedFile(TOO_MUCH)

    def inflate(self, data: bytes) -> bytes:
        """Unpack zlib data, at most MAX_TEXT of it. Raises Damaged."""
        try:
            plain = zlib.decompressobj().decompress(data, MAX_TEXT + 1)
        except zlib.error as error:
            raise DamagedFile(DAMAGED) from error
        if len(plain) > MAX_TEXT:
            raise DamagedFile(TOO_MUCH)
        self.spend(len(plain))
        return plain


class FewReads:
    """A file for a library that reads on and on as long as a header tells it to: it can be read so
    many times only.

    Pillow takes 20 bytes of memory for each byte of a JPEG of empty segments, and a minute for 1 MB
    of a GIF's comment.
    """

    def __init__(self, file: BinaryIO, reads: int = 30_000) -> None:
        self._file = file
        self._left = reads
        self.seek = file.seek
        self.tell = file.tell

    def read(self, count: int = -1) -> bytes:
        """Read like any file. OSError after too many reads."""
        self._left -= 1
        if self._left < 0:
            raise OSError(TOO_MUCH)
        return self._file.read(count)


def decode_text(data: bytes) -> str:
    """Bytes as text: UTF-8, and Latin-1 byte by byte where they are not (PNG says one, programs
    write the other)."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape").translate(_LATIN_1)


def named(data: bytes) -> tuple[str, bytes]:
    """Splits `name NUL rest`."""
    name, _, rest = data.partition(b"\0")
    return decode_text(name), rest
