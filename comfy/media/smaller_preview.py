"""Smaller previews, for connections that are too slow for the original ones."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

_FORMATS = ("JPEG", "PNG")
_MOST_PIXELS = 4_000_000  # of a preview to shrink; ComfyUI's have 512 x 512


@dataclass(frozen=True, slots=True)
class PreviewSize:
    """Target size: the longest `side` in pixels, and the JPEG `quality`. `share`: the estimated
    ratio to the original's bytes, used before the first preview is made."""

    side: int
    quality: int
    share: float


# From largest to smallest; each has about three quarters of the bytes of the one before. Decoding a
# JPEG at half its size costs a quarter. Sizes in between would cost twice as much as the full size.
PREVIEW_SIZES = (
    PreviewSize(512, 75, 0.60),
    PreviewSize(512, 55, 0.45),
    PreviewSize(512, 38, 0.30),
    PreviewSize(512, 25, 0.22),
    PreviewSize(256, 75, 0.15),
    PreviewSize(256, 55, 0.10),
    PreviewSize(256, 38, 0.08),
    PreviewSize(192, 38, 0.05),
)


def smaller_preview(data: bytes, size: PreviewSize) -> bytes:
    """Return a preview as a JPEG of that size; unchanged if it isn't a known image or wouldn't get
    smaller. Never raises."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                return data
            # Decodes a JPEG at half or a quarter of its size if that is enough.
            image.draft("RGB", (size.side, size.side))
            image.load()
            small = image if image.mode == "RGB" else image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return data
    small.thumbnail((size.side, size.side), Image.Resampling.BILINEAR)
    target = io.BytesIO()
    small.save(target, "JPEG", quality=size.quality)
    return min(data, target.getvalue(), key=len)
