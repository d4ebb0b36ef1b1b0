"""Small pictures of large ones, from files that anybody may have made."""

from __future__ import annotations

import io
import logging
from pathlib import Path

from PIL import Image, ImageOps

from comfy.media.decoding import Undecodable, opened, with_eight_bits

log = logging.getLogger(__name__)

_SIDE = 320  # pixels
_ROUGHLY = 4 * _SIDE  # the size in which a picture of another mode is converted


def thumbnail_of(path: Path) -> bytes | None:
    """A WebP of at most 320 x 320 pixels, the first one of an animation; None where there is no
    picture to be had.

    Never raises: the file may be damaged, or not what its name says. Takes memory, so one is to be
    made at a time.
    """
    try:
        with opened(path) as picture:
            return _small(picture)
    except Undecodable as error:
        log.info("No thumbnail of %s: %s", path.name, error)
        return None


def _small(picture: Image.Image) -> bytes:
    if picture.mode not in ("RGB", "RGBA", "L"):
        picture.thumbnail((_ROUGHLY, _ROUGHLY), Image.Resampling.NEAREST)
    small = with_eight_bits(picture)
    small.thumbnail((_SIDE, _SIDE))
    target = io.BytesIO()
    ImageOps.exif_transpose(small).save(target, "WEBP", quality=80)
    return target.getvalue()
