"""Decode untrusted images: only allowed formats, one at a time, in bounded memory."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO

from PIL import Image, ImageFile

from comfy.base.messages import message
from comfy.media.checks import FORMATS, MIB, MILLION
from comfy.media.reader import UNREADABLE_IMAGE

MOST_MEMORY = 300 * MIB  # limit for one image while it is decoded and processed
# Measured bytes per pixel that Pillow 12 uses while decoding.
_TAKES: Mapping[str, int] = MappingProxyType(
    {"PNG": 4, "BMP": 4, "GIF": 5, "JPEG": 4, "TIFF": 8, "MPO": 12, "AVIF": 12, "WEBP": 17}
)
_PROGRESSIVE_JPEG = 12
_M_MMAP_THRESHOLD = -3  # from glibc's malloc.h
# Larger blocks return to the system immediately; otherwise each thread that decoded an image keeps
# 30 MB
_GIVEN_BACK = MIB // 4
_WAITING, _OF_ONE = 16, 2  # users' images that wait or are in memory: in total, and per user


class Undecodable(Exception):
    """Error for an image that can't be decoded; the text says why."""


class DecodingSlots:
    """Lock that keeps at most one image in memory at a time, across threads."""

    def __init__(self) -> None:
        with contextlib.suppress(AttributeError, OSError):  # not glibc: no `mallopt`
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _GIVEN_BACK)
        self._turn = threading.Lock()
        self._counting = threading.Lock()
        self._waiting: Counter[str] = Counter()

    def waiting(self, person: str) -> int:
        """Return the number of a user's images that wait or are in memory."""
        with self._counting:
            return self._waiting[person]

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other image is in memory."""
        with self._turn:
            yield

    @contextmanager
    def turn_of(self, person: str) -> Iterator[None]:
        """Wait like `turn`, for a user who may send many images. Raises Undecodable if too many
        already wait."""
        with self._counting:
            if self._waiting[person] >= _OF_ONE or self._waiting.total() >= _WAITING:
                raise Undecodable(message("ComfyForms is busy. Try again in a moment."))
            self._waiting[person] += 1
        try:
            with self._turn:
                yield
        finally:
            with self._counting:
                self._waiting[person] -= 1
                self._waiting += Counter()  # drops users whose count is 0


@contextmanager
def opened(
    source: Path | IO[bytes], formats: Sequence[str] = FORMATS, *, needs: int = 0
) -> Iterator[ImageFile.ImageFile]:
    """Open an image and read only its header; decode it within a turn of `DecodingSlots`.

    `needs`: bytes per pixel in use at once afterwards, including the image itself. Raises
    Undecodable if it isn't an allowed image or would take too much memory, also while the `with`
    block decodes it.
    """
    try:
        with Image.open(source, formats=list(formats)) as image:
            takes = max(needs, _memory_of(image))
            if image.width * image.height * takes > MOST_MEMORY:
                most = MOST_MEMORY // takes // MILLION
                raise Undecodable(  # noqa: TRY301 - passed on unchanged below
                    message(
                        "An image can have at most {most} million pixels. Make it smaller first.",
                        most=f"{most:,}",
                    )
                )
            yield image
    except Undecodable:
        raise
    # Files are untrusted: Pillow's decoders raise exceptions of any type.
    except Exception as error:
        raise Undecodable(UNREADABLE_IMAGE) from error


def _memory_of(image: ImageFile.ImageFile) -> int:
    """Return the bytes per pixel that decoding takes."""
    progressive = image.info.get("progressive") or image.info.get("progression")
    return _PROGRESSIVE_JPEG if progressive else _TAKES.get(image.format or "", _PROGRESSIVE_JPEG)


def with_eight_bits(image: Image.Image) -> Image.Image:
    """Return the image in a mode with eight-bit channels: RGB, RGBA or L."""
    if image.mode.startswith(
        "I"
    ):  # 16 bits per pixel; converting alone would turn nearly all of it white
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode not in ("RGB", "RGBA", "L"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image
