"""Paint things into the masked area of an image."""

from __future__ import annotations

import random

from PIL import Image, ImageChops

from comfy.demo.painter import sky
from comfy.demo.painter import things as whole
from comfy.demo.painter.canvas import Canvas
from comfy.demo.painter.palette import Palette, palette_of
from comfy.demo.painter.words import Scene

THINGS: dict[str, whole.Thing] = {
    **whole.THINGS,
    "sun": sky.disc,
    "moon": sky.disc,
}
_COVERING = frozenset({"flowers", "beach"})  # fill the area instead of standing in it
_SIDE = 384  # pixels of the canvas that a thing is cut out of
_MOST = 3  # things side by side

Box = tuple[int, int, int, int]


def area_of(mask: Image.Image) -> Box | None:
    """Return the box around the masked area, or None without one."""
    return mask.convert("L").point([255 * (level > 127) for level in range(256)]).getbbox()


def paint_into(canvas: Canvas, scene: Scene, mask: Image.Image) -> None:
    """Paint the scene's things side by side into the masked area."""
    names = [name for name in THINGS if name in scene.things][:_MOST]
    area = area_of(mask)
    if area is None:
        return
    left, top, right, bottom = area
    palette = palette_of(scene)
    for number, name in enumerate(names):
        first, last = (left + (right - left) * n // len(names) for n in (number, number + 1))
        dark, light = _cut_out(name, scene, palette, canvas.rng.randrange(2**32))
        _put(canvas.image, (first, top, last, bottom), dark, light, fills=name in _COVERING)


def _cut_out(
    name: str, scene: Scene, palette: Palette, seed: int
) -> tuple[Image.Image, Image.Image]:
    """Return a thing on black, and how much of the background shows through it, without margins."""
    shown = []
    for level in (0, 255):
        canvas = Canvas(Image.new("RGB", (_SIDE, _SIDE), (level,) * 3), random.Random(seed))
        THINGS[name](canvas, scene, palette, sky.choose_layout(canvas, scene))
        shown.append(canvas.image)
    dark, light = shown
    through = ImageChops.difference(dark, light).convert("L")
    box = through.point([255 * (level < 128) for level in range(256)]).getbbox()
    return dark.crop(box), through.crop(box)


def _put(
    image: Image.Image, box: Box, dark: Image.Image, through: Image.Image, *, fills: bool
) -> None:
    """Put a thing into a box: whole in its middle, or so that it fills the box."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    scales = width / dark.width, height / dark.height
    scale = max(scales) if fills else 0.92 * min(scales)
    size = max(1, round(dark.width * scale)), max(1, round(dark.height * scale))
    dark, through = dark.resize(size), through.resize(size)
    place = left + (width - size[0]) // 2, top + (height - size[1]) // 2
    behind = image.crop((*place, place[0] + size[0], place[1] + size[1]))
    seen = ImageChops.multiply(behind, Image.merge("RGB", (through, through, through)))
    image.paste(ImageChops.add(dark, seen), place)
