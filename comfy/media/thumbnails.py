"""Thumbnails of images and sounds from untrusted files."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import IO

from PIL import Image, ImageOps

from comfy.media.decoding import Undecodable, opened, with_eight_bits
from comfy.media.waveform import waveform

log = logging.getLogger(__name__)

_SIDE = 320  # pixels
_ROUGHLY = 4  # times the side: the size at which an image of another mode is converted
# Pixels; sizes to try for an image that has to fit a byte limit.
_SIDES = (1024, 768, 512, 384, 256)


def thumbnail_of(file: Path | IO[bytes]) -> bytes | None:
    """Return a WebP of at most 320 x 320 pixels, the first frame of an animation; None if the file
    isn't a readable image.

    Never raises: the file may be damaged, or not what its name suggests. Takes memory, so only one
    may be made at a time.
    """
    try:
        with opened(file) as image:
            return _webp(_small(image, _SIDE))
    except Undecodable as error:
        log.info("No thumbnail for %s: %s", getattr(file, "name", "a preview"), error)
        return None


def sound_thumbnail(path: Path) -> bytes | None:
    """Return a sound's waveform as a WebP of 320 x 320 pixels; None if the file isn't a readable
    sound.

    Never raises, like `thumbnail_of`.
    """
    try:
        return _webp(waveform(path))
    except Undecodable as error:
        log.info("No waveform for %s: %s", path.name, error)
        return None


def image_within(file: IO[bytes], most: int) -> bytes | None:
    """Return a WebP of at most `most` bytes and 1024 x 1024 pixels, the first frame of an
    animation. None if the file isn't a readable image, or if even 256 x 256 pixels take too many
    bytes.

    Never raises, and takes memory, like `thumbnail_of`.
    """
    try:
        with opened(file) as image:
            small = _small(image, _SIDES[0])
            for side in _SIDES:
                small.thumbnail((side, side))
                data = _webp(small)
                if len(data) <= most:
                    return data
    except Undecodable as error:
        log.info("Can't make a smaller image: %s", error)
    return None


def _small(image: Image.Image, side: int) -> Image.Image:
    if image.mode not in ("RGB", "RGBA", "L"):
        image.thumbnail((_ROUGHLY * side, _ROUGHLY * side), Image.Resampling.NEAREST)
    small = with_eight_bits(image)
    small.thumbnail((side, side))
    return ImageOps.exif_transpose(small)


def _webp(image: Image.Image) -> bytes:
    target = io.BytesIO()
    image.save(target, "WEBP", quality=80)
    return target.getvalue()
