"""A stripped file as a list of pieces: spans of the original, zeros, and a few bytes of our own.

Nothing is copied to disk, and a byte range can be read without reading what comes before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from comfy.media.reader import DAMAGED

_CHUNK = 256 * 1024  # bytes
MOST_PIECES = 100_000
_MOST_OWN = 32 * 1024 * 1024  # bytes to hold in memory for one file


class CannotStrip(Exception):
    """Error for an unsupported kind, damage or too many parts. The text says which, for the log."""


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes `start` up to `end` of the original file."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Zeros:
    """A run of zero bytes."""

    count: int

    def __len__(self) -> int:
        return self.count


FilePiece = Span | Zeros | bytes
Patches = list[tuple[int, Zeros | bytes]]  # positions, and the replacement of the bytes there


@dataclass(frozen=True, slots=True)
class Stripped:
    """A file without its metadata: its pieces in order, and its size in bytes."""

    pieces: tuple[FilePiece, ...]
    size: int

    @property
    def held(self) -> int:
        """Return the approximate size of this object in memory, in bytes."""
        own = sum(len(piece) for piece in self.pieces if isinstance(piece, bytes))
        return own + 100 * len(self.pieces)

    def read(self, file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes `start` up to `end` in chunks. `file` is the original.

        Raises OSError if the original has become shorter.
        """
        position = 0
        for piece in self.pieces:
            first, last = max(start - position, 0), min(end - position, len(piece))
            position += len(piece)
            if first < last:
                yield from _chunks(piece, file, first, last)
            if position >= end:
                return


def _chunks(piece: FilePiece, file: BinaryIO, first: int, last: int) -> Iterator[bytes]:
    if isinstance(piece, bytes):
        yield piece[first:last]
        return
    if isinstance(piece, Span):
        file.seek(piece.start + first)
    while first < last:
        count = min(_CHUNK, last - first)
        data = bytes(count) if isinstance(piece, Zeros) else file.read(count)
        if not data:
            raise OSError("A stored file has become shorter.")
        yield data
        first += len(data)


def stripped_of(pieces: Iterable[FilePiece]) -> Stripped:
    """Join adjacent spans. Raises CannotStrip if there are too many pieces."""
    joined: list[FilePiece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if not len(piece):
            continue
        if isinstance(piece, Span) and isinstance(last, Span) and last.end == piece.start:
            joined[-1] = Span(last.start, piece.end)
        else:
            joined.append(piece)
    own = sum(len(piece) for piece in joined if isinstance(piece, bytes))
    if len(joined) > MOST_PIECES or own > _MOST_OWN:
        raise CannotStrip("It's too large to read.")
    return Stripped(tuple(joined), sum(len(piece) for piece in joined))


def patched(size: int, patches: Patches) -> Iterator[FilePiece]:
    """Yield the first `size` bytes of a file with these patches, which must not overlap.

    Raises CannotStrip if they do.
    """
    position = 0
    for start, piece in sorted(patches, key=lambda patch: patch[0]):
        if not len(piece):
            continue
        if start < position or start + len(piece) > size:
            raise CannotStrip(DAMAGED)
        yield Span(position, start)
        yield piece
        position = start + len(piece)
    yield Span(position, size)
