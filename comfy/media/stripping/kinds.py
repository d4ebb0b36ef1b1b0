"""Remove the metadata from a file of any supported kind, detected by its first bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from comfy.media.png import PNG_SIGNATURE
from comfy.media.reader import (
    LENGTH,
    Begins,
    Budget,
    DamagedFile,
    Reader,
    is_iso,
    is_mpeg_audio,
    is_riff,
    starts,
)
from comfy.media.stripping.images import gif_pieces, jpeg_pieces, png_pieces
from comfy.media.stripping.iso import iso_pieces
from comfy.media.stripping.matroska import matroska_pieces
from comfy.media.stripping.ogg import ogg_pieces
from comfy.media.stripping.pieces import CannotStrip, FilePiece, Stripped, stripped_of
from comfy.media.stripping.riff import wav_pieces, webp_pieces
from comfy.media.stripping.sound import flac_pieces, mp3_pieces

_KINDS: tuple[tuple[Begins, Callable[[Reader], Iterator[FilePiece]]], ...] = (
    (starts(PNG_SIGNATURE), png_pieces),
    (starts(b"\xff\xd8\xff"), jpeg_pieces),
    (is_riff(b"WEBP"), webp_pieces),
    (starts(b"GIF87a", b"GIF89a"), gif_pieces),
    (is_iso, iso_pieces),
    (starts(b"\x1a\x45\xdf\xa3"), matroska_pieces),
    (starts(b"OggS"), ogg_pieces),
    (starts(b"fLaC"), flac_pieces),
    (is_riff(b"WAVE"), wav_pieces),
    (is_mpeg_audio, mp3_pieces),
)
_MOST_READS = 250_000  # half a second; enough for 20 minutes of WebM with sound


def strip(file: BinaryIO) -> Stripped:
    """Return the file without metadata; its content is read from the same file later.

    Raises CannotStrip for other kinds and for damaged files.
    """
    reader = Reader(file, Budget(reads=_MOST_READS))
    head = reader.take(min(LENGTH, reader.left))
    reader.position = 0
    try:
        for begins, pieces_of in _KINDS:
            if begins(head):
                return stripped_of(pieces_of(reader))
    except DamagedFile as error:
        raise CannotStrip(str(error)) from error
    raise CannotStrip("No metadata can be removed from this kind of file.")
