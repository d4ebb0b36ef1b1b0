"""Previews made smaller, for links that cannot carry them as they are."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

_FORMATS = ("JPEG", "PNG")
_MOST_PIXELS = 4_000_000  # of a preview that is worked on: ComfyUI's have 512 x 512


@dataclass(frozen=True, slots=True)
class PreviewSize:
    """Target size: the longest `side` in pixels, and JPEG's `quality`. `share`: the estimated ratio
    of a preview's bytes before the first was made."""

    side: int
    quality: int
    share: float


# From the largest to the smallest; each has about three quarters of the bytes of the one before.
# A JPEG is decoded in half its size at a quarter of the cost; sizes between would cost twice as
# much as the whole one.
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
    """A preview as a JPEG of that size; as it came where it is no image that is known, or would
    get no smaller. Never raises."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                return data
            # A JPEG is decoded in half its size, or a quarter, where that is enough.
            image.draft("RGB", (size.side, size.side))
            image.load()
            small = image if image.mode == "RGB" else image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return data
    small.thumbnail((size.side, size.side), Image.Resampling.BILINEAR)
    target = io.BytesIO()
    small.save(target, "JPEG", quality=size.quality)
    return min(data, target.getvalue(), key=len)
