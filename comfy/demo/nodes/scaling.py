"""Resizing with the real scale nodes' method names."""

from __future__ import annotations

from PIL import Image

METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]

_FILTERS = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "bislerp": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def resize(image: Image.Image, width: int, height: int, method: str) -> Image.Image:
    """Resize an image."""
    return image.resize((max(1, width), max(1, height)), _FILTERS[method])


def crop_to_ratio(image: Image.Image, width: int, height: int) -> Image.Image:
    """Return the center of an image, cropped to the ratio of width and height."""
    scale = min(image.width / width, image.height / height)
    kept = round(width * scale), round(height * scale)
    left, top = (image.width - kept[0]) // 2, (image.height - kept[1]) // 2
    return image.crop((left, top, left + kept[0], top + kept[1]))
