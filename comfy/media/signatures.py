"""Magic bytes that files start with. They identify the kind of a file; its name is never used."""

from __future__ import annotations

from collections.abc import Callable

ID3 = b"ID3"
LENGTH = 64  # bytes; no check here looks further
Begins = Callable[[bytes], bool]


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
