"""What nodes for images do to them, by words in the names of their classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL import (
    Image,
    ImageChops,
    ImageColor,
    ImageDraw,
    ImageEnhance,
    ImageFilter,
    ImageOps,
    ImageStat,
)

from comfyui_standin.anything.values import NUMBERS
from comfyui_standin.nodes.base import Images
from comfyui_standin.nodes.image import crop_to_ratio, each, fitted, resize
from comfyui_standin.nodes.motion import Pan
from comfyui_standin.painter.canvas import on_white, subject, without
from comfyui_standin.painter.paint import area_of

_MOST_PIXELS = 2048 * 2048
_LIMBS = (  # of a figure, each a line
    (64, 18, 64, 38, 64, 74),
    (64, 38, 48, 40, 38, 60, 46, 78),
    (64, 38, 80, 40, 92, 56, 84, 38),
    (64, 74, 54, 76, 50, 100, 44, 122),
    (64, 74, 74, 76, 80, 98, 78, 122),
    (58, 16, 64, 20, 70, 16),
)
_BEATS = 25  # how often a mouth opens or closes in a video
_LEAST = 64  # pixels: a number of a node without names that may be a side
_KEEPS_RATIO = re.compile(r"keep|proportion|^fit\b|aspect|total")
_FACTORS = frozenset({"scale_by", "multiplier", "upscale_by", "upscale_factor", "scale_factor"})
_BOXES = re.compile("B?BOX|BOUNDING|DETECT|JSON")
_LAYERS = ("destination|background|base|bottom", "source|foreground|overlay|layer|top")
_KEPT = re.compile(r"\bkeep[^.;]*")  # what stays as it is
_REPLACES = re.compile(r"\b(replac|swap|exchang)|替换|换成")
_MATERIAL = re.compile(r"material|textur|fabric|\bfur\b|材质|纹理")
_COLORS = re.compile(r"\b(re)?light(s|ing)?\b|colou?rs?\b|style|\btones?\b|palette|光|色调|风格")
_SIDES = ("left", "top", "right", "bottom")
Change = Callable[[Image.Image], Image.Image]


def treated(
    name: str, images: Images, inputs: Mapping[str, Any], outputs: Sequence[str] = ()
) -> Images:
    """Return images as a node of this class makes them: unchanged if its name and the types of its
    outputs tell nothing."""
    name = f"{name} {inputs.get('output', '')} {inputs.get('preprocessor', '')}".lower()
    numbers = {
        key.rpartition(".")[2]: one
        for key, one in inputs.items()
        if isinstance(one, int | float) and not isinstance(one, bool)
    }
    mask: Any = inputs.get("mask")
    if _are_images(mask) and re.search("inpaint|lama|erase|remove", name):
        if "crop" in name:
            return each(images, lambda image: image.crop(around(mask[0].resize(image.size))))
        return each(images, lambda image: _filled(image, mask[0]))
    chosen = {str(one).lower() for one in inputs.values() if isinstance(one, str)}
    if "enhance" in name and not numbers.keys().isdisjoint({*_FACTORS, "output_width"}):
        images = each(images, lambda image: _sized(name, image, numbers, keeps=False))
    elif re.search("resi[zs]e|scale|crop|pad|outpaint|upsampler|megapixel", name):
        keeps = any(_KEEPS_RATIO.search(one) for one in chosen) or inputs.get("keep_proportion")
        return each(images, lambda image: _sized(name, image, numbers, keeps=bool(keeps)))
    if (layers := _layers(inputs)) and layers[0][0] is images[0]:
        return each(images, lambda image: _overlaid(image, numbers, *layers[1:]))
    alpha: Any = inputs.get("alpha")
    if _are_images(alpha):
        seen = ImageOps.invert(alpha[0])
        return each(images, lambda image: on_white(image, seen))
    for words, change in _CHANGES.items():
        if re.search(words, name):
            changed = each(images, change)
            if change in (_edges, _depth, _pose, _normal):
                shown = changed.image if isinstance(changed, Pan) else changed[0]
                shown.info["map"] = fitted(images[0], _MOST_PIXELS // 4)  # steers with it
            return changed
    finds = "yolo" in name or any(map(_BOXES.search, outputs))
    if finds and not any("caption" in one for one in chosen):
        return each(images, boxed)
    if re.search("stitch|concat|concanate|merge|grid|collage|tile", name):
        return _side_by_side([one for one in inputs.values() if _are_images(one)])
    if re.search("frombatch|from_batch|select", name):
        if isinstance(images, Pan):
            return images[:1] if numbers.get("length") == 1 else images
        first = max(0, min(len(images) - 1, int(numbers.get("batch_index", 0))))
        return tuple(images[first : first + max(1, int(numbers.get("length", 1)))])
    return images


def boxed(image: Image.Image, boxes: Sequence[Mapping[str, Any]] = ()) -> Image.Image:
    """Return a picture with boxes on it: around its subject, or these, as ComfyUI's editor of boxes
    has them."""
    shown, frames = image.convert("RGB"), [area_of(subject(image)) or (0, 0, *image.size)]
    if boxes:
        places = ([_pixels(one.get(key)) for key in ("x", "y", "width", "height")] for one in boxes)
        frames = [(x, y, x + max(1, wide), y + max(1, high)) for x, y, wide, high in places]
    for number, frame in enumerate(frames):
        color = ImageColor.getrgb(f"hsl({(140 + 67 * number) % 360}, 90%, 45%)")
        ImageDraw.Draw(shown).rectangle(frame, outline=color, width=max(3, min(image.size) // 120))
    return shown


def _pixels(value: object) -> int:
    return max(0, min(4096, int(value))) if isinstance(value, int | float) else 0


def together(pictures: Sequence[Image.Image], text: str = "") -> Image.Image:
    """Return a picture with the material or colors of the second one if the words ask for them,
    otherwise with the subjects of the others: in place of its own one, or in front."""
    whole, asked = pictures[0].convert("RGB"), _KEPT.sub(" ", text.lower())
    mask = subject(whole)
    area = area_of(mask) if _REPLACES.search(asked) else None
    if _MATERIAL.search(asked):
        whole = Image.composite(_covered(whole, pictures[1]), whole, mask)
    elif _COLORS.search(asked):
        whole = _colored_like(whole, pictures[1])
    else:
        if area:  # its own subject makes room
            whole = without(whole, mask)
        for number, one in enumerate(pictures[1:4]):
            cut = subject(one)
            box = area_of(cut) or (0, 0, *one.size)
            right = whole.width - whole.width * 3 // 10 * number
            corner = (right - whole.width * 2 // 5, whole.height * 3 // 5, right, whole.height)
            left, top, right, bottom = area if area and not number else corner
            room = max(1, right - left), max(1, bottom - top)
            small = ImageOps.contain(one.convert("RGB").crop(box), room)
            place = (left + right - small.width) // 2, bottom - small.height
            whole.paste(small, place, cut.crop(box).resize(small.size))
    whole.info["joined"] = True
    return whole


def speaking(image: Image.Image) -> Image.Image:
    """Return a picture whose subject has an open mouth, and closes and opens it in a video."""
    left, top, right, bottom = area_of(subject(image)) or (0, 0, *image.size)
    x, y, wide = (left + right) // 2, (top + bottom) // 2, max(2, (right - left) // 16)
    shown = image.convert("RGB")
    shown = shown.copy() if shown is image else shown
    ImageDraw.Draw(shown).ellipse((x - wide, y - wide // 2, x + wide, y + wide), (96, 22, 30))
    shown.info["beats"] = _BEATS
    return shown


def _covered(image: Image.Image, other: Image.Image) -> Image.Image:
    """Return an image whose lights and shadows are on the middle of another one."""
    middle = ImageOps.crop(other.convert("RGB"), min(other.size) // 4)
    shade = image.convert("L").point([64 + level * 3 // 4 for level in range(256)])
    return ImageChops.multiply(ImageOps.fit(middle, image.size), shade.convert("RGB"))


def _colored_like(image: Image.Image, other: Image.Image) -> Image.Image:
    """Return an image whose colors have the mean and the spread of another one's."""
    bands = []
    both = (one.convert("YCbCr").split() for one in (image, other))
    for own, wanted in zip(*both, strict=True):
        old, new = ImageStat.Stat(own), ImageStat.Stat(wanted)
        by = max(0.5, min(2.0, new.stddev[0] / max(1.0, old.stddev[0])))
        levels = [round(new.mean[0] + by * (level - old.mean[0])) for level in range(256)]
        bands.append(own.point(levels))
    return Image.merge("YCbCr", bands).convert("RGB")


def _layers(inputs: Mapping[str, Any]) -> tuple[Images, ...]:
    """Return the pictures of a node that puts one on the other, and the mask of the upper one."""
    found = {key: one for key, one in inputs.items() if _are_images(one)}
    masks = tuple(found.pop(key) for key in [*found] if found[key][0].mode == "L")
    layers = [[one for key, one in found.items() if re.search(words, key)] for words in _LAYERS]
    return (*(one[0] for one in layers), *masks[:1]) if all(layers) else ()


def _overlaid(
    image: Image.Image, numbers: Mapping[str, float], over: Images, mask: Images | None = None
) -> Image.Image:
    """Return a picture with another on it: at its place, or as large as the picture."""
    upper, shown = over[0].convert("RGB"), image.convert("RGB")
    if not {"x", "y"} <= numbers.keys():
        upper = upper.resize(shown.size)
    place = _pixels(numbers.get("x")), _pixels(numbers.get("y"))
    shown.paste(upper, place, mask[0].resize(upper.size) if mask else None)
    return shown


def around(mask: Image.Image) -> tuple[int, int, int, int]:
    """Return the box that a masked area is changed in, apart from the rest of its picture."""
    wider = mask.filter(ImageFilter.BoxBlur(max(mask.size) // 20))
    return wider.point([255 * (level > 0) for level in range(256)]).getbbox() or (0, 0, *mask.size)


def _filled(image: Image.Image, mask: Image.Image) -> Image.Image:
    """Return a picture whose masked area has the colors around it."""
    if image.mode == "L":
        return image
    soft = image.resize((24, 24), Image.Resampling.BOX).resize(image.size)
    return Image.composite(soft, image, mask.resize(image.size))


def _are_images(value: object) -> bool:
    return isinstance(value, Sequence) and bool(value) and isinstance(value[0], Image.Image)


def _sized(
    name: str, image: Image.Image, numbers: Mapping[str, float], *, keeps: bool
) -> Image.Image:
    """Return the image with the size that the node's numbers ask for."""
    if {"left", "right", "top", "bottom"} <= numbers.keys():
        left, top, right, bottom = (max(0, min(512, int(numbers[one]))) for one in _SIDES)
        size = image.width + left + right, image.height + top + bottom
        return _padded(image, size, (left, top))
    sides = [one for key, one in numbers.items() if key.startswith("number") and one >= _LEAST]
    wide, high, *_ = (*sides, 0, 0) if len(sides) > 1 else (0, 0)  # of a node without names
    width, height = (
        next((int(one) for key, one in numbers.items() if NUMBERS[side].fullmatch(key)), usual)
        for side, usual in (("width", int(wide)), ("height", int(high)))
    )
    longest = numbers.get("longer_size", numbers.get("largest_size", numbers.get("longer_edge", 0)))
    by = next((one for key, one in numbers.items() if key in _FACTORS), 0.0)
    if pixels := numbers.get("megapixels"):
        by = (abs(pixels) * 1024 * 1024 / (image.width * image.height)) ** 0.5
    elif longest:
        by = longest / max(image.size)
    elif "upscale" in name and "resolution" in numbers:
        by = numbers["resolution"] / min(image.size)
    elif re.search("model|upscaler|enhance", name) and not by:
        by = 2.0
    if not width and not height:
        width = round(image.width * (by or 1.0))
    width = width or round(image.width * height / image.height)
    height = height or round(image.height * width / image.width)
    if keeps:
        least = min(width / image.width, height / image.height)
        width, height = round(image.width * least), round(image.height * least)
    less = min(1.0, (_MOST_PIXELS / max(1, width * height)) ** 0.5)
    width, height = max(8, round(width * less)), max(8, round(height * less))
    if "pad" in name:
        inner = ImageOps.contain(image, (width, height))
        left, top = (width - inner.width) // 2, (height - inner.height) // 2
        return _padded(inner, (width, height), (left, top))
    cut = crop_to_ratio(image, width, height) if "crop" in name else image
    return resize(cut, width, height, "lanczos")


def _padded(image: Image.Image, size: tuple[int, int], place: tuple[int, int]) -> Image.Image:
    """Return a picture with the colors of its edges around it, or a mask of what is around it."""
    if image.mode == "L":
        mask = Image.new("L", size, 255)
        mask.paste(image, place)
        return mask
    (left, top), (wide, high) = place, size
    right, bottom = left + image.width, top + image.height
    wider = Image.new(image.mode, size)
    wider.paste(image, place)
    pads = left, wide - right, top, high - bottom
    a, b, c, d = (min(*image.size, 1 + pad // 3) for pad in pads)
    for strip, (x, y, x2, y2), flipped in (
        ((left, top, left + a, bottom), (0, top, left, bottom), ImageOps.mirror),
        ((right - b, top, right, bottom), (right, top, wide, bottom), ImageOps.mirror),
        ((0, top, wide, top + c), (0, 0, wide, top), ImageOps.flip),
        ((0, bottom - d, wide, bottom), (0, bottom, wide, high), ImageOps.flip),
    ):
        if x2 > x and y2 > y:
            wider.paste(flipped(wider.crop(strip)).resize((x2 - x, y2 - y)), (x, y))
    reach, far = max(1, max(size) // 24), Image.new("L", size, 255)
    far.paste(0, (left - reach, top - reach, right + reach, bottom + reach))
    soft = wider.filter(ImageFilter.GaussianBlur(reach / 3))
    wider.paste(soft, mask=far.filter(ImageFilter.BoxBlur(reach)))
    wider.paste(image, place)
    return wider


def _side_by_side(batches: Sequence[Images]) -> Images:
    moving = [one for one in batches if isinstance(one, Pan)]
    if moving and len(batches) > 1:
        frame = _side_by_side([(one.image if isinstance(one, Pan) else one[0],) for one in batches])
        return Pan(frame[0], len(moving[0]))
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
    figure = Image.new("RGB", (1024, 1024))
    for number, limb in enumerate(_LIMBS):
        color = ImageColor.getrgb(f"hsl({30 * number}, 90%, 50%)")
        ImageDraw.Draw(figure).line([8 * one for one in limb], color, 24, "curve")
    return ImageOps.pad(figure, image.size)


def _normal(image: Image.Image) -> Image.Image:
    relief = image.convert("L").filter(ImageFilter.EMBOSS)
    turned = ImageOps.mirror(ImageOps.mirror(image).convert("L").filter(ImageFilter.EMBOSS))
    return Image.merge("RGB", (relief, turned, Image.new("L", image.size, 235)))


def _cut_out(image: Image.Image) -> Image.Image:
    return image if image.mode == "L" else on_white(image, subject(image))


def _blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(max(image.size) / 150))


_CHANGES: Mapping[str, Change] = {
    r" mask\b": lambda image: subject(image).convert("RGB"),
    "canny|edge|line_?art|anyline|scribble|hed|pidi|mlsd|teed": _edges,
    r"(?<!m)pose|dwpre": _pose,
    "normal": _normal,
    "depth|midas|zoe|lotus|moge|marigold": _depth,
    "remove_?(video)?_?b(ack)?g|rembg|rmbg|birefnet|inspyrenet|segment|matt(e|ing)|splat": _cut_out,
    "blur": _blurred,
    "sharpen|enhance|restor": lambda image: image.filter(ImageFilter.UnsharpMask(3, 120, 2)),
    "gr[ae]yscale|desaturate": lambda image: ImageOps.grayscale(image).convert("RGB"),
    "invert": ImageOps.invert,
    "flip|mirror": ImageOps.mirror,
    "rotate": lambda image: image.transpose(Image.Transpose.ROTATE_270),
    "quantize|posterize": lambda image: ImageOps.posterize(image.convert("RGB"), 3),
    "color|saturation|contrast": lambda image: ImageEnhance.Color(image).enhance(1.4),
}
