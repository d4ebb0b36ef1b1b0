"""Small pictures of large ones, from files that anybody may have made."""

from __future__ import annotations

import io
import logging
from pathlib import Path

from PIL import Image, ImageOps

__all__ = ["thumbnail_of"]

log = logging.getLogger(__name__)

_SIDE = 320  # pixels
_MAX_PIXELS = 70_000_000  # 8192 x 8192 and a little more: what is decoded takes three or four bytes each
# Only what Pillow reads by itself: it would hand EPS to another program.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


def thumbnail_of(path: Path) -> bytes | None:
    """A WebP of at most 320 x 320 pixels, the first one of an animation; None where there is no picture to be had.

    Never raises: the file may be damaged, or not what its name says.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                return None
            return _small(image)
    except Exception as error:  # Pillow raises whatever a damaged file leads it to
        log.info("No small picture of %s: %s", path.name, error)
        return None


def _small(image: Image.Image) -> bytes:
    picture: Image.Image = image
    if picture.mode.startswith("I"):  # 16 bits a pixel; converting alone would make nearly all of it white
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode not in ("RGB", "RGBA", "L"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    picture.thumbnail((_SIDE, _SIDE))
    target = io.BytesIO()
    ImageOps.exif_transpose(picture).save(target, "WEBP", quality=80)
    return target.getvalue()
