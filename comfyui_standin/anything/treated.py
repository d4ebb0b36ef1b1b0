"""What nodes for images do to them, by words in the names of their classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL import Image, ImageColor, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from comfyui_standin.nodes.base import Images
from comfyui_standin.nodes.image import crop_to_ratio, each, fitted, resize
from comfyui_standin.nodes.motion import Pan
from comfyui_standin.painter.canvas import subject

_MOST_PIXELS = 2048 * 2048
_LIMBS = (  # of a figure, each a line
    (64, 18, 64, 38, 64, 74),
    (64, 38, 48, 40, 38, 60, 46, 78),
    (64, 38, 80, 40, 92, 56, 84, 38),
    (64, 74, 54, 76, 50, 100, 44, 122),
    (64, 74, 74, 76, 80, 98, 78, 122),
    (58, 16, 64, 20, 70, 16),
)
_SIDES = ("left", "top", "right", "bottom")
Change = Callable[[Image.Image], Image.Image]


def treated(name: str, images: Images, inputs: Mapping[str, Any]) -> Images:
    """Return images as a node of this class makes them: unchanged if its name tells nothing."""
    name = f"{name} {inputs.get('output', '')}".lower()
    numbers = {
        key.rpartition(".")[2]: one
        for key, one in inputs.items()
        if isinstance(one, int | float) and not isinstance(one, bool)
    }
    if re.search("resi[zs]e|scale|crop|pad|outpaint|upsampler|megapixel", name):
        return each(images, lambda image: _sized(name, image, numbers))
    alpha: Any = inputs.get("alpha")
    if _are_images(alpha):
        seen = ImageOps.invert(alpha[0])
        return each(images, lambda image: _on_white(image, seen))
    for words, change in _CHANGES.items():
        if re.search(words, name):
            changed = each(images, change)
            if change in (_edges, _depth, _pose, _normal):
                changed[0].info["map"] = fitted(images[0], _MOST_PIXELS // 4)  # steers with it
            return changed
    if re.search("stitch|concat|grid|collage|tile", name):
        return _side_by_side([one for one in inputs.values() if _are_images(one)])
    if re.search("frombatch|from_batch|select", name) and not isinstance(images, Pan):
        first = max(0, min(len(images) - 1, int(numbers.get("batch_index", 0))))
        return tuple(images[first : first + max(1, int(numbers.get("length", 1)))])
    return images


def _are_images(value: object) -> bool:
    return isinstance(value, Sequence) and bool(value) and isinstance(value[0], Image.Image)


def _sized(name: str, image: Image.Image, numbers: Mapping[str, float]) -> Image.Image:
    """Return the image with the size that the node's numbers ask for."""
    if {"left", "right", "top", "bottom"} <= numbers.keys():
        left, top, right, bottom = (max(0, min(512, int(numbers[one]))) for one in _SIDES)
        size = image.width + left + right, image.height + top + bottom
        wider = (
            Image.new("L", size, 255) if image.mode == "L" else image.resize((9, 9)).resize(size)
        )
        wider.paste(image, (left, top))
        return wider
    width, height = int(numbers.get("width", 0)), int(numbers.get("height", 0))
    longest = numbers.get("longer_size", numbers.get("largest_size", numbers.get("longer_edge", 0)))
    by = numbers.get("scale_by", numbers.get("multiplier", numbers.get("upscale_by", 0.0)))
    if pixels := numbers.get("megapixels"):
        by = (abs(pixels) * 1024 * 1024 / (image.width * image.height)) ** 0.5
    elif longest:
        by = longest / max(image.size)
    elif "model" in name and not width:
        by = 2.0
    if not width and not height:
        width = round(image.width * (by or 1.0))
    width = width or round(image.width * height / image.height)
    height = height or round(image.height * width / image.width)
    less = min(1.0, (_MOST_PIXELS / max(1, width * height)) ** 0.5)
    width, height = max(8, round(width * less)), max(8, round(height * less))
    if "pad" in name:
        return ImageOps.pad(image, (width, height))
    cut = crop_to_ratio(image, width, height) if "crop" in name else image
    return resize(cut, width, height, "lanczos")


def _side_by_side(batches: Sequence[Images]) -> Images:
    shown = [one for images in batches for one in images[:4]][:9] or [Image.new("RGB", (64, 64))]
    height = min(1024, shown[0].height)
    fitted = [one.resize((max(1, round(one.width * height / one.height)), height)) for one in shown]
    whole = Image.new(fitted[0].mode, (sum(one.width for one in fitted), height))
    for number, one in enumerate(fitted):
        whole.paste(one, (sum(before.width for before in fitted[:number]), 0))
    return (whole,)


def _edges(image: Image.Image) -> Image.Image:
    small = fitted(image.convert("L"), _MOST_PIXELS // 8).filter(ImageFilter.MedianFilter(5))
    lines = ImageOps.autocontrast(small.filter(ImageFilter.FIND_EDGES), (0, 1))
    bright = lines.point([min(255, 5 * max(0, level - 70)) for level in range(256)])
    return bright.resize(image.size, Image.Resampling.BICUBIC).convert("RGB")


def _depth(image: Image.Image) -> Image.Image:
    """Return a soft map, bright at the bottom, where things are usually near."""
    slope = Image.linear_gradient("L").resize(image.size)
    soft = image.convert("L").filter(ImageFilter.GaussianBlur(max(image.size) / 60))
    return Image.blend(slope, ImageOps.autocontrast(soft), 0.4).convert("RGB")


def _pose(image: Image.Image) -> Image.Image:
    """Return a figure of limbs in the middle of a black image."""
    figure = Image.new("RGB", (128, 128))
    for number, limb in enumerate(_LIMBS):
        color = ImageColor.getrgb(f"hsl({30 * number}, 90%, 50%)")
        ImageDraw.Draw(figure).line(limb, color, 4, "curve")
    return ImageOps.pad(figure, image.size)


def _normal(image: Image.Image) -> Image.Image:
    relief = image.convert("L").filter(ImageFilter.EMBOSS)
    turned = ImageOps.mirror(ImageOps.mirror(image).convert("L").filter(ImageFilter.EMBOSS))
    return Image.merge("RGB", (relief, turned, Image.new("L", image.size, 235)))


def _without_background(image: Image.Image) -> Image.Image:
    return _on_white(image, subject(image))


def _on_white(image: Image.Image, mask: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, (255, 255, 255))
    return Image.composite(image.convert("RGB"), white, mask.resize(image.size))


def _blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(max(image.size) / 150))


_CHANGES: Mapping[str, Change] = {
    "canny|edge|lineart|scribble|hed|pidi|mlsd|teed": _edges,
    r"(?<!m)pose|dwpre": _pose,
    "normal": _normal,
    "depth|midas|zoe|lotus|moge": _depth,
    "remove_?background|rembg|birefnet|bria.*rmbg|inspyrenet|removebg": _without_background,
    "blur": _blurred,
    "sharpen": lambda image: image.filter(ImageFilter.UnsharpMask(3, 120, 2)),
    "gr[ae]yscale|desaturate": lambda image: ImageOps.grayscale(image).convert("RGB"),
    "invert": ImageOps.invert,
    "flip|mirror": ImageOps.mirror,
    "rotate": lambda image: image.transpose(Image.Transpose.ROTATE_270),
    "quantize|posterize": lambda image: ImageOps.posterize(image.convert("RGB"), 3),
    "color|saturation|contrast": lambda image: ImageEnhance.Color(image).enhance(1.4),
}
