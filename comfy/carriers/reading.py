"""Reading strangers' files: every read is bounded, and what a file claims is never believed."""

from __future__ import annotations

import io
import os
import zlib
from dataclasses import dataclass
from typing import BinaryIO

MAX_TEXT = 32 * 1024 * 1024  # one text; the longest real graphs, with pictures inside, have some 10 MB
MAX_TOTAL = 128 * 1024 * 1024  # all that is read or inflated of one file
MAX_READS = 400_000

# From Python's escapes for bytes that are not UTF-8 to the characters they are in Latin-1.
_LATIN_1 = {0xDC00 + byte: byte for byte in range(0x80, 0x100)}


class Damaged(Exception):
    """A container is cut off, contradicts itself, or asks for too much; texts found before that are good."""


@dataclass(frozen=True)
class Text:
    """One text of a container and the name it has there (a PNG keyword, an EXIF tag, a tag's key)."""

    key: str
    text: str


@dataclass
class Budget:
    """What may still be read of one file, its inner parts included."""

    amount: int = MAX_TOTAL
    reads: int = MAX_READS


class Reader:
    """A seekable binary file that is read in bounded pieces: ends, sizes and amounts are checked in this one place."""

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
        """The next `count` bytes. Raises Damaged when there are fewer, or when this file had more than its share."""
        self._budget.reads -= 1
        if count > self.left:
            raise Damaged("it is cut off")
        if count > MAX_TEXT or self._budget.reads < 0:
            raise Damaged("it holds more than can be read")
        self.spend(count)
        self.file.seek(self.position)
        data = self.file.read(count)
        self.position += count
        return data

    def number(self, count: int, order: str = "big") -> int:
        """The next `count` bytes as an unsigned number."""
        return int.from_bytes(self.take(count), "little" if order == "little" else "big")

    def spend(self, count: int) -> None:
        """Takes from what may be read or inflated of this file. Raises Damaged when that is used up."""
        self._budget.amount -= count
        if self._budget.amount < 0:
            raise Damaged("it holds more than can be read")

    def inflate(self, data: bytes) -> bytes:
        """zlib data unpacked, at most MAX_TEXT of it. Raises Damaged."""
        try:
            plain = zlib.decompressobj().decompress(data, MAX_TEXT + 1)
        except zlib.error as error:
            raise Damaged("a compressed part is broken") from error
        if len(plain) > MAX_TEXT:
            raise Damaged("it holds more than can be read")
        self.spend(len(plain))
        return plain


def decode(data: bytes) -> str:
    """Bytes as text: UTF-8, and Latin-1 byte by byte where they are not (PNG says one, programs write the other)."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape").translate(_LATIN_1)


def named(data: bytes) -> tuple[str, bytes]:
    """Splits `name NUL rest`."""
    name, _, rest = data.partition(b"\0")
    return decode(name), rest
