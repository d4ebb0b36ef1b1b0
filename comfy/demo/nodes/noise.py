"""Noise, and images emerging from it."""

from __future__ import annotations

import random

from PIL import Image

PREVIEW_SIDE = 512
_GRAIN = 64
_GREY = (126, 120, 118)


def coloured(width: int, height: int, seed: int) -> Image.Image:
    """Return noise in soft colors, the same for the same seed."""
    raw = random.Random(seed).randbytes(_GRAIN * _GRAIN * 3)
    grains = Image.blend(
        Image.frombytes("RGB", (_GRAIN, _GRAIN), raw),
        Image.new("RGB", (_GRAIN, _GRAIN), _GREY),
        0.35,
    )
    return grains.resize((width, height), Image.Resampling.BILINEAR)


def cover(image: Image.Image, amount: float, seed: int) -> Image.Image:
    """Return the image with part of its noise left."""
    return Image.blend(image, coloured(*image.size, seed), amount)


def emerging(
    finished: Image.Image,
    progress: float,
    seed: int,
    source: Image.Image | None,
    mask: Image.Image | None,
    longest_side: int = PREVIEW_SIDE,
) -> Image.Image:
    """Return the image that a sampler shows at this progress (0 … 1): large soft shapes first, then
    details. No side is longer than `longest_side` pixels.

    `source`, the source of an image-to-image run, shines through the noise. Nothing changes outside
    the mask.
    """
    scale = min(1.0, longest_side / max(finished.size))
    size = max(1, round(finished.width * scale)), max(1, round(finished.height * scale))
    if progress >= 1:
        return finished.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    detail = 6 + round((_GRAIN * 2 - 6) * progress**2)
    small = finished.resize(
        (detail, max(1, round(detail * size[1] / size[0]))), Image.Resampling.BOX, reducing_gap=1.5
    )
    canvas = small.resize((_GRAIN * 2, _GRAIN * 2), Image.Resampling.BICUBIC)
    start = coloured(_GRAIN * 2, _GRAIN * 2, seed)
    if source is not None:
        start = Image.blend(
            source.resize(start.size, Image.Resampling.BOX, reducing_gap=1.5), start, 0.5
        )
    shown = Image.blend(canvas, start, (1 - progress) ** 2).resize(size, Image.Resampling.BILINEAR)
    if source is None or mask is None:
        return shown
    return Image.composite(shown, source.resize(size), mask.resize(size))
