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

MOST_MEMORY = 300 * MIB  # of one image while it is decoded and worked on
# Bytes per pixel that Pillow 12 was measured to use while decoding.
_TAKES: Mapping[str, int] = MappingProxyType(
    {"PNG": 4, "BMP": 4, "GIF": 5, "JPEG": 4, "TIFF": 8, "MPO": 12, "AVIF": 12, "WEBP": 17}
)
_PROGRESSIVE_JPEG = 12
_M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
# larger blocks return to the system at once; otherwise each thread with an image keeps 30 MB
_GIVEN_BACK = MIB
_WAITING, _OF_ONE = 16, 2  # people's images that wait for their turn: of all, and of one person


class Undecodable(Exception):
    """An image that is not decoded; the text says why."""


class DecodingSlots:
    """Lets one image at a time be in memory, for any number of threads."""

    def __init__(self) -> None:
        with contextlib.suppress(
            AttributeError, OSError
        ):  # other systems' libraries have no such thing
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _GIVEN_BACK)
        self._turn = threading.Lock()
        self._counting = threading.Lock()
        self._waiting: Counter[str] = Counter()

    def waiting(self, person: str) -> int:
        """Return the number of a person's images that wait or are in memory."""
        with self._counting:
            return self._waiting[person]

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other image is in memory."""
        with self._turn:
            yield

    @contextmanager
    def turn_of(self, person: str) -> Iterator[None]:
        """Return a turn like `turn`, for a caller who may ask repeatedly. Undecodable if too many
        wait already."""
        with self._counting:
            if self._waiting[person] >= _OF_ONE or self._waiting.total() >= _WAITING:
                raise Undecodable(message("Too many images are being read. Try again in a moment."))
            self._waiting[person] += 1
        try:
            with self._turn:
                yield
        finally:
            with self._counting:
                self._waiting[person] -= 1
                self._waiting += Counter()  # forgets callers that no longer wait


@contextmanager
def opened(
    source: Path | IO[bytes], formats: Sequence[str] = FORMATS, *, needs: int = 0
) -> Iterator[ImageFile.ImageFile]:
    """Open an image and read its header only; decode it in one's turn.

    `needs`: bytes per pixel in use at once afterwards, including the image itself. Raise
    Undecodable if it isn't an allowed image or would take too much memory, also while the block
    decodes it.
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
        raise Undecodable(message("This image can't be read.")) from error


def _memory_of(image: ImageFile.ImageFile) -> int:
    """Bytes that decoding takes for each pixel."""
    progressive = image.info.get("progressive") or image.info.get("progression")
    return _PROGRESSIVE_JPEG if progressive else _TAKES.get(image.format or "", _PROGRESSIVE_JPEG)


def with_eight_bits(image: Image.Image) -> Image.Image:
    """Return the image in a mode with eight-bit channels: RGB, RGBA or L."""
    if image.mode.startswith(
        "I"
    ):  # 16 bits a pixel; converting alone would make nearly all of it white
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode not in ("RGB", "RGBA", "L"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image
