"""Magic bytes, with which files of a kind begin: they tell the kind of a file, never its name."""

from __future__ import annotations

from collections.abc import Callable

ID3 = b"ID3"
LENGTH = 64  # bytes; no question here looks further
Begins = Callable[[bytes], bool]


def starts(*signatures: bytes) -> Begins:
    """Begins with one of these."""
    return lambda head: head.startswith(signatures)


def is_riff(*kinds: bytes) -> Begins:
    """A RIFF file of one of these kinds (WEBP, WAVE, AVI)."""
    return lambda head: head[:4] == b"RIFF" and head[8:12] in kinds


def is_avif(head: bytes) -> bool:
    """An image in the container of MP4."""
    return is_iso(head) and head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis")


def is_iso(head: bytes) -> bool:
    """Tell if a file is MP4, M4A, MOV or similar. The first box has less than 128 MB:
    `<!--free-->`, as in XML, isn't a box."""
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
    """MP3, with its tags in front or without, and AAC as it is streamed."""
    return head[:3] == ID3 or is_mpeg_frame(head)


def is_mpeg_frame(head: bytes) -> bool:
    """Check like `is_mpeg_audio`, without tags."""
    return head[:1] == b"\xff" and b"\xe2" <= head[1:2] < b"\xfe"
