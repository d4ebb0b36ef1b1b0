"""Check uploaded files for media fields by their first bytes and header, without decoding them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO, BinaryIO, cast

from PIL import Image, ImageFile

from comfy.base.messages import message
from comfy.media import gif
from comfy.media.reader import (
    DAMAGED,
    ID3,
    LENGTH,
    UNREADABLE_IMAGE,
    Begins,
    DamagedFile,
    FewReads,
    is_avif,
    is_iso,
    is_mpeg_frame,
    is_riff,
    starts,
)

log = logging.getLogger(__name__)

MIB = 1024 * 1024
MILLION = 1_000_000

# All formats that Pillow may open here: the formats of ComfyUI's LoadImage and of browsers, but
# none for which Pillow starts other programs.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "AVIF", "GIF")
_PAGED = ("TIFF", "MPO")
_MOST_PAGES = 1000
_MOST_TAGS = 8
_TAG_HEAD = 10  # bytes
_PADDING = 4096  # zero bytes that may follow the tags
_IMAGE: tuple[Begins, ...] = (
    starts(
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"GIF8",
        b"BM",
        b"II*\0",
        b"MM\0*",
        b"II+\0",
        b"MM\0+",
    ),
    is_riff(b"WEBP"),
    is_avif,
)
_MOVING_IMAGE: tuple[Begins, ...] = (starts(b"GIF8", b"\x89PNG\r\n\x1a\n"), is_riff(b"WEBP"))
_VIDEO: tuple[Begins, ...] = (
    is_riff(b"AVI "),
    starts(b"\0\0\1\xba", b"\0\0\1\xb3", b"FLV\1", b"\x30\x26\xb2\x75", b"G@"),
)


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Limits of one file.

    `size`: bytes. `pixels`: the pixels of an image. `moving`: the pixels of all its frames
    together. `painted`: the pixels of an image and its painted layers.
    """

    size: int = 256 * MIB  # about a minute of video; ComfyUI has its own limit (docs/comfyui.md#23)
    pixels: int = 8192 * 8192
    moving: int = 16 * 8192 * 8192
    painted: int = 8192 * 8192


def _is_aiff(head: bytes) -> bool:
    return head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC")


def _is_still_iso(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in (
        b"avif",
        b"avis",
        b"heic",
        b"heix",
        b"mif1",
        b"msf1",
    )


_CONTAINER: tuple[Begins, ...] = (
    lambda head: is_iso(head) and not _is_still_iso(head),
    starts(b"\x1a\x45\xdf\xa3", b"OggS"),
)
_SOUND: tuple[Begins, ...] = (starts(b"fLaC", b"caff"), is_riff(b"WAVE"), is_mpeg_frame, _is_aiff)

# For each kind: checks of a file's first bytes, and the message for any other file.
_TAKES: Mapping[str, tuple[tuple[Begins, ...], str]] = MappingProxyType(
    {
        "image": (
            _IMAGE,
            message("Choose an image file (PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF)."),
        ),
        "audio": (
            (*_SOUND, *_CONTAINER),
            message("Choose an audio file (WAV, MP3, FLAC, Ogg or M4A)."),
        ),
        "video": (
            (*_VIDEO, *_CONTAINER, *_MOVING_IMAGE),
            message("Choose a video file (MP4, WebM, MOV, MKV or GIF)."),
        ),
    }
)


def problem_with(file: BinaryIO, limits: FileLimits, media: str = "") -> str:
    """Return why a field can't take a file; "" if it can.

    `media` is the kind of file that the field takes: "image", "audio", "video", or "" for any kind,
    which checks only size and pixels.
    """
    size = file.seek(0, os.SEEK_END)
    if not size:
        return message("This file is empty.")
    if size > limits.size:
        return message(
            "This file is {size}\xa0MB. The maximum is {most}\xa0MB.",
            size=-(-size // MIB),
            most=limits.size // MIB,
        )
    if why := kind_problem(file, media):
        return why
    file.seek(0)
    head = file.read(LENGTH)
    if not any(begins(head) for begins in _IMAGE):
        return ""
    try:
        return _too_many(_Pixels.of(file), limits)
    except DamagedFile as damage:
        log.info("An image can't be read: %s", damage)
        return UNREADABLE_IMAGE if media in _TAKES else ""
    except Image.DecompressionBombError:
        return _too_large(limits)
    finally:
        file.seek(0)


def wanted_file(media: str) -> str:
    """Return the message for a file of a kind that a field for this kind doesn't take."""
    return (
        _TAKES[media][1]
        if media in _TAKES
        else message("This field doesn't accept this type of file.")
    )


def kind_problem(file: BinaryIO, media: str) -> str:
    """Return why a field for this kind of file can't take a file; "" if it can."""
    if media not in _TAKES:
        return ""
    file.seek(0)
    head = _behind_tags(file) if media == "audio" else file.read(LENGTH)
    beginnings, otherwise = _TAKES[media]
    return "" if any(begins(head) for begins in beginnings) else otherwise


def _behind_tags(file: BinaryIO) -> bytes:
    """Return the start of a sound after its ID3v2 tags; b"" if the tags are malformed.

    ffmpeg detects the format there. Up to 7.1 it also accepts a playlist there, which can name
    files on ComfyUI's machine.
    """
    position = 0
    for _ in range(_MOST_TAGS):
        file.seek(position)
        head = file.read(LENGTH)
        if head[:3] != ID3:
            return (head + file.read(_PADDING)).lstrip(b"\0")[:LENGTH] if position else head
        version, flags, *size = head[3], head[5], *head[6:_TAG_HEAD]
        # Parts of ffmpeg count a footer differently, and no program writes one at the start of a
        # file.
        if version not in (2, 3, 4) or flags & 0x10 or any(part > 0x7F for part in size):
            return b""
        position += _TAG_HEAD + sum(
            part << shift for part, shift in zip(size, (21, 14, 7, 0), strict=True)
        )
    return b""


def _too_many(pixels: _Pixels, limits: FileLimits) -> str:
    if pixels.width * pixels.height > limits.pixels:
        return _too_large(limits)
    if pixels.all_frames > limits.moving:
        return message(
            "All frames together can have at most {most} million pixels. Shorten the animation"
            " or make it smaller.",
            most=f"{limits.moving // MILLION:,}",
        )
    return ""


def _too_large(limits: FileLimits) -> str:
    return message(
        "An image can have at most {most} million pixels. Make it smaller first.",
        most=f"{limits.pixels // MILLION:,}",
    )


@dataclass(frozen=True, slots=True)
class _Pixels:
    """Largest width and height of an image's frames, and the pixels of all frames together."""

    width: int
    height: int
    all_frames: int

    @classmethod
    def of(cls, file: BinaryIO) -> _Pixels:
        """Read the sizes from the header. Raises DamagedFile and Pillow's
        DecompressionBombError."""
        file.seek(0)
        if file.read(len(gif.GIF_SIGNATURE)) == gif.GIF_SIGNATURE:
            width, height, frames = gif.measure(file)
            return cls(width, height, width * height * frames)
        file.seek(0)
        try:
            with Image.open(cast(IO[bytes], FewReads(file)), formats=FORMATS) as image:
                sizes = list(_sizes(image))
        except Image.DecompressionBombError:
            raise
        # Files are untrusted: Pillow's decoders raise exceptions of any type.
        except Exception as error:
            raise DamagedFile(DAMAGED) from error
        return cls(
            max(w for w, _, _ in sizes),
            max(h for _, h, _ in sizes),
            sum(w * h * n for w, h, n in sizes),
        )


def _sizes(image: ImageFile.ImageFile) -> Iterator[tuple[int, int, int]]:
    """Yield each width and height with its number of frames. Only the pages of a TIFF or MPO can
    differ in size."""
    if image.format not in _PAGED:
        yield (*image.size, getattr(image, "n_frames", 1))
        return
    for page in range(_MOST_PAGES):
        try:
            image.seek(page)
        except EOFError:
            return
        yield (*image.size, 1)
    raise Image.DecompressionBombError
