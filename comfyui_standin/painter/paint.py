"""Paint images from words for the stand-in's samplers.

Nothing is learned or loaded. The words choose light, place, things and style. The seed chooses the
composition, and the sampler's other settings change the finish. The same brief gives the same
image.

Finishing touches: styles named in the text, the model's style, LoRAs, guidance, steps, sampler
and scheduler.

Paint things into the masked area of an image.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import asin, degrees, radians, sin

from PIL import (
    Image,
    ImageChops,
    ImageDraw,
    ImageEnhance,
    ImageFilter,
    ImageFont,
    ImageOps,
    ImageStat,
)

from comfyui_standin.painter import scenery
from comfyui_standin.painter import things as whole
from comfyui_standin.painter.canvas import (
    Canvas,
    Palette,
    gradient,
    on_white,
    palette_of,
    subject,
    without,
)
from comfyui_standin.painter.things import THINGS
from comfyui_standin.painter.words import Colour, Light, Scene, hashed, read, telling_words

Touch = Callable[[Image.Image, random.Random], Image.Image]
# LoRAs that let a model finish in few steps, without a style of their own.
_SAVES_STEPS = re.compile("lightning|lightx2v|turbo|hyper|lcm|distill", re.IGNORECASE)
_LIT: dict[Light, tuple[Colour, float]] = {
    "night": ((60, 74, 132), 0.8),
    "sunset": ((255, 184, 128), 0.55),
    "dawn": ((255, 222, 214), 0.4),
    "grey": ((186, 194, 200), 0.5),
    "day": ((255, 252, 240), 0.2),
}
_SNOW = (240, 246, 255)
_INSET_THINGS: dict[str, whole.Thing] = {
    **whole.THINGS,
    "sun": scenery.disc,
    "moon": scenery.disc,
}
_COVERING = frozenset({"flowers", "beach"})  # fill the area instead of standing in it
_SKETCH, _LARGEST = 128, 1024  # sides of the canvas that a thing is measured and cut out on
_MOST = 3  # things side by side
_ROOM = (0.46, 0.42, 0.98)  # for a thing in a picture that keeps its content: width, top, end
_PLAIN: tuple[Colour, ...] = ((236, 238, 240), (206, 210, 216))  # a photographer's background
_TONED = 0.35  # how much of an edited picture has the colors of words that tell nothing else
PAINTED = "painted by the demo"  # comment of an image whose content is free
_SPARSE = 48  # the mean level of a map of lines is lower
Box = tuple[int, int, int, int]
_GROUNDS = {
    "room": scenery.room,
    "canyon": scenery.canyon,
    "desert": scenery.desert,
    "city": scenery.city,
    "town": scenery.town,
    "forest": scenery.forest,
    "hills": scenery.hills,
    "mountains": scenery.hills,
}


def _watercolour(image: Image.Image, rng: random.Random) -> Image.Image:
    """Make the image paler, on grainy paper with an uneven white edge."""
    width, height = image.size
    soft = image.filter(ImageFilter.MedianFilter(3)) if width * height < 300_000 else image
    pale = Image.blend(soft, Image.new("RGB", image.size, (250, 246, 238)), 0.16)
    paper = Image.frombytes("L", (96, 96), rng.randbytes(96 * 96)).resize(
        image.size, Image.Resampling.BICUBIC
    )
    paper = paper.point([225 + value // 9 for value in range(256)])
    pale = ImageChops.multiply(pale, Image.merge("RGB", (paper, paper, paper)))
    ragged = Image.frombytes("L", (14, 14), rng.randbytes(196)).resize(
        image.size, Image.Resampling.BICUBIC
    )
    frame = Image.new("L", (64, 64), 0)
    frame.paste(255, (5, 5, 59, 59))
    frame = frame.filter(ImageFilter.BoxBlur(4)).resize(image.size, Image.Resampling.BICUBIC)
    ragged = ragged.point([96 + value // 4 for value in range(256)])
    edge = ImageChops.add(frame, ragged, 1.0, -128)
    edge = edge.point([max(0, min(255, (value - 70) * 7)) for value in range(256)])
    return Image.composite(pale, Image.new("RGB", image.size, (250, 247, 240)), edge)


def _ink(image: Image.Image, rng: random.Random, strength: float = 0.8) -> Image.Image:
    """Draw dark lines where colors meet."""
    edges = image.convert("L").filter(ImageFilter.SMOOTH).filter(ImageFilter.FIND_EDGES)
    reach = max(0.0, min(1.5, strength))
    lines = edges.point(
        [255 - min(255, round(max(0, value - 12) * 6 * reach)) for value in range(256)]
    )
    return ImageChops.multiply(image, Image.merge("RGB", (lines, lines, lines)))


def _mono(image: Image.Image, rng: random.Random) -> Image.Image:
    return ImageOps.autocontrast(image.convert("L"), cutoff=1).convert("RGB")


def _poster(image: Image.Image, rng: random.Random) -> Image.Image:
    flat = image.point([round(level / 51) * 51 for level in range(256)] * 3)
    return ImageEnhance.Color(flat).enhance(1.4)


_TOUCHES: dict[str, Touch] = {
    "poster": _poster,
    "watercolour": _watercolour,
    "ink": _ink,
    "mono": _mono,
}


def _refined(image: Image.Image, scene: Scene, *, sharpened: bool = True) -> Image.Image:
    """Return a given image with the same content: sharper, and in the scene's light and season."""
    sharp = image.filter(ImageFilter.UnsharpMask(3, 80, 2)) if sharpened else image
    if scene.season == "winter":
        sharp = Image.blend(sharp, ImageOps.grayscale(sharp).convert("RGB"), 0.6)
        sharp = Image.blend(sharp, Image.new("RGB", sharp.size, _SNOW), 0.3)
    if not scene.is_lit:
        return sharp
    colour, amount = _LIT[scene.light]
    lit = ImageChops.multiply(sharp, Image.new("RGB", sharp.size, colour))
    return Image.blend(sharp, lit, amount)


def _hand_of(image: Image.Image, model: str, rng: random.Random) -> Image.Image:
    """Apply the model's painting style: a known style by a word in its name, otherwise a tint of
    its own."""
    known = next((touch for name, touch in _TOUCHES.items() if name in model.lower()), None)
    if known is not None:
        return known(image, rng)
    if "landscape" in model.lower():
        return image
    red, green, blue = (hashed(model, place) % 37 for place in range(3))
    return ImageChops.add(image, Image.new("RGB", image.size, (red, green, blue)), 1.0, -18)


def _learned(
    image: Image.Image, loras: tuple[tuple[str, float], ...], rng: random.Random
) -> Image.Image:
    """Apply the LoRAs with their strengths, except the ones that only save steps."""
    for name, strength in loras:
        if _SAVES_STEPS.search(name):
            continue
        amount = max(-1.0, min(1.0, strength / 2))
        if "ink" in name:
            image = _ink(image, rng, abs(amount))
            continue
        tint = (
            (255, 150, 60)
            if "evening" in name
            else tuple(hashed(name, place) % 256 for place in range(3))
        )
        light = Image.new(
            "RGB", image.size, tuple(round(part * abs(amount) * 0.45) for part in tint)
        )
        image = ImageChops.screen(image, light) if amount > 0 else ImageChops.subtract(image, light)
    return image


def guided(image: Image.Image, cfg: float) -> Image.Image:
    """Apply guidance: colors are pale below the usual 7, rich above it, and finally burnt."""
    strength = max(0.35, min(2.2, 0.72 + cfg / 25))
    image = ImageEnhance.Color(image).enhance(strength)
    return ImageEnhance.Contrast(image).enhance(0.86 + 0.14 * strength)


def _worked_out(image: Image.Image, steps: int) -> Image.Image:
    """Blur the image if there are few steps, and sharpen it slightly if there are many."""
    if steps < 12:
        return image.filter(ImageFilter.GaussianBlur(image.width / 512 * (12 - steps) * 0.42))
    return image.filter(ImageFilter.UnsharpMask(1.2, min(90, steps), 2))


def _grained(image: Image.Image, sampler: str, scheduler: str, rng: random.Random) -> Image.Image:
    """Add the sampler's grain and the scheduler's vignette."""
    coarse = 1 + hashed(sampler) % 2
    width, height = max(1, image.width // coarse), max(1, image.height // coarse)
    grain = Image.frombytes("L", (width, height), rng.randbytes(width * height)).resize(
        image.size, Image.Resampling.BILINEAR
    )
    depth = 4 + hashed(sampler, "depth") % 8
    grain = grain.point([128 + round((value - 128) * depth / 128) for value in range(256)])
    image = ImageChops.add(image, Image.merge("RGB", (grain, grain, grain)), 1.0, -128)
    return _vignette(image, 0.1 + hashed(scheduler) % 9 / 50)


def _vignette(image: Image.Image, strength: float) -> Image.Image:
    levels = [
        255 - round(255 * strength * max(0.0, value / 255 - 0.35) ** 1.5 * 1.4)
        for value in range(256)
    ]
    shade = Image.radial_gradient("L").resize(image.size).point(levels)
    return ImageChops.multiply(image, Image.merge("RGB", (shade, shade, shade)))


def area_of(mask: Image.Image) -> Box | None:
    """Return the box around the masked area, or None without one."""
    return mask.convert("L").point([255 * (level > 127) for level in range(256)]).getbbox()


def paint_into(canvas: Canvas, scene: Scene, mask: Image.Image) -> None:
    """Paint the scene's things side by side into the masked area."""
    if area := area_of(mask):
        _inset(canvas, scene, area)


def _inset(canvas: Canvas, scene: Scene, area: Box) -> None:
    names = [name for name in _INSET_THINGS if name in scene.things][:_MOST]
    names *= _MOST if scene.is_sheet and len(names) == 1 else 1
    left, top, right, bottom = area
    palette, seed = palette_of(scene), 0
    for number, name in enumerate(names):
        first, last = (left + (right - left) * n // len(names) for n in (number, number + 1))
        box = first, top, last, bottom
        seed = seed if scene.is_sheet and number else canvas.rng.randrange(2**32)
        cut, fills = partial(_cut_out, name, scene, palette, seed), name in _COVERING
        scale = _scale(box, cut(_SKETCH)[0], fills=fills)
        side = max(1, min(_LARGEST, round(_SKETCH * scale)))  # nothing is enlarged afterwards
        _put(canvas.image, box, *cut(side), fills=fills)


def _cut_out(
    name: str, scene: Scene, palette: Palette, seed: int, side: int
) -> tuple[Image.Image, Image.Image]:
    """Return a thing on black, and how much of the background shows through it, without margins."""
    shown = []
    for level in (0, 255):
        canvas = Canvas(Image.new("RGB", (side, side), (level,) * 3), random.Random(seed))
        _INSET_THINGS[name](canvas, scene, palette, scenery.choose_layout(canvas, scene))
        shown.append(canvas.image)
    dark, light = shown
    through = ImageChops.difference(dark, light).convert("L")
    box = through.point([255 * (level < 224) for level in range(256)]).getbbox()
    return dark.crop(box), through.crop(box)


def _scale(box: Box, image: Image.Image, *, fills: bool) -> float:
    left, top, right, bottom = box
    scales = (right - left) / image.width, (bottom - top) / image.height
    return max(scales) if fills else 0.92 * min(scales)


def _put(
    image: Image.Image, box: Box, dark: Image.Image, through: Image.Image, *, fills: bool
) -> None:
    """Put a thing into a box: whole in its middle, or so that it fills the box."""
    left, top, right, bottom = box
    scale = _scale(box, dark, fills=fills)
    size = max(1, round(dark.width * scale)), max(1, round(dark.height * scale))
    dark, through = dark.resize(size), through.resize(size)
    place = (left + right - size[0]) // 2, (top + bottom - size[1]) // 2
    behind = image.crop((*place, place[0] + size[0], place[1] + size[1]))
    seen = ImageChops.multiply(behind, Image.merge("RGB", (through, through, through)))
    image.paste(ImageChops.add(dark, seen), place)


@dataclass(frozen=True, slots=True)
class Brief:
    """Everything that determines an image."""

    text: str
    negative: str = ""
    seed: int = 0
    number: int = 0
    width: int = 512
    height: int = 512
    steps: int = 20
    cfg: float = 7.0
    sampler: str = "euler"
    scheduler: str = "normal"
    model: str = "landscapes"
    loras: tuple[tuple[str, float], ...] = ()
    given: Image.Image | None = None
    """The image that is sampled again. Without a place among the words, it keeps its content."""
    kept: bool = False
    """Whether the given image keeps its content in any case."""
    moves: bool = False
    """Whether a video begins with the given image. It's unchanged, unless it's a painting too."""
    mask: Image.Image | None = None
    """Where the given image is painted over. The words' things are fitted into this area."""
    alone: bool = False
    """Whether the words' things are painted without a place, if the words name none."""
    guide: Image.Image | None = None
    """An image whose shapes shine through what is painted."""


def paint(brief: Brief, longest_side: int = 1024) -> Image.Image:
    """Return the finished RGB image. To save time, an image with a side longer than `longest_side`
    is painted at that size and scaled up."""
    scene = read(brief.text, brief.negative)
    scale = min(1.0, longest_side / max(brief.width, brief.height))
    size = max(8, round(brief.width * scale)), max(8, round(brief.height * scale))
    rng = random.Random(hashed(brief.seed, brief.number, scene.mood))
    if brief.mask is not None:
        canvas = Canvas(_background(brief, scene, size, rng), rng)
        paint_into(canvas, scene, brief.mask.resize(size))
    elif brief.given is not None and brief.kept:
        canvas = Canvas(ImageOps.fit(brief.given, size), rng)
        if "joined" in brief.given.info:  # the words name what is in it
            scene = replace(scene, things=scene.things & _COVERING, accents=())
        elif not scene.is_added:
            scene = replace(scene, things=scene.things - _COVERING - {"portrait"})
        if scene.turn and not brief.moves:
            canvas.image = _turned(canvas.image, scene.turn)
        elif scene.is_swap and scene.things & THINGS.keys() - _COVERING and not brief.moves:
            mask = subject(canvas.image)
            canvas.image = without(canvas.image, mask)
            paint_into(canvas, scene, mask)
        elif brief.text.strip() and not _is_first_frame(brief):
            canvas.image = _edited(canvas.image, scene, rng)
            _add_in_front(canvas, scene)
    elif scene.is_sheet or (
        (brief.alone or scene.headline) and brief.guide is None and not scene.is_placed
    ):
        canvas = Canvas(gradient(size, _PLAIN), rng)
        _inset(canvas, scene, (0, size[1] // 12, size[0], size[1]))
    elif brief.guide is not None and not brief.text.strip():
        canvas = Canvas(ImageOps.fit(brief.guide, size), rng)
    elif brief.guide is not None:
        canvas = Canvas(_steered(ImageOps.fit(brief.guide, size), scene, rng), rng)
        _add_weather(canvas, scene)
    elif brief.given is None or scene.is_placed:
        canvas = Canvas(Image.new("RGB", size), rng)
        _compose(canvas, scene, palette_of(scene))
    else:
        canvas = Canvas(_refined(brief.given.resize(size), scene), rng)
        _add_things(canvas, scene, palette_of(scene), scenery.choose_layout(canvas, scene))
    image = _finish(canvas.image, scene, brief)
    if scene.headline and not _is_first_frame(brief):
        _written(image, scene.headline)
    return (
        image.resize((brief.width, brief.height), Image.Resampling.BICUBIC) if scale < 1 else image
    )


def _turned(image: Image.Image, turn: int) -> Image.Image:
    """Return an image as a camera sees it that goes around it by these degrees: one side comes
    nearer, and from behind it's mirrored."""
    (width, height), side = image.size, sin(radians(turn))
    if 90 < turn < 270:
        image = ImageOps.mirror(image)
    if side < 0:
        return ImageOps.mirror(_turned(ImageOps.mirror(image), round(degrees(asin(-side)))))
    x, y = width * side / 4, height * side / 6
    quad = (x, y, x, height - y, width, height, width, 0)
    return image.transform(image.size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)


def _written(image: Image.Image, text: str) -> None:
    """Write a text at the top of an image, as wide as fits."""
    size = image.width / max(1.0, ImageFont.load_default(100).getlength(text)) * 90
    size = max(4.0, min(image.height / 7, size))
    font, place = ImageFont.load_default(size), (image.width / 2, 0.8 * size)
    top = image.convert("L").crop((0, 0, image.width, image.height // 8 + 1))
    own, rim = ((255, 255, 255), (28, 26, 32))[:: 1 if ImageStat.Stat(top).mean[0] < 120 else -1]
    pen = ImageDraw.Draw(image)
    pen.text(place, text, own, font, "mm", stroke_width=size / 24, stroke_fill=rim)


def _background(
    brief: Brief, scene: Scene, size: tuple[int, int], rng: random.Random
) -> Image.Image:
    """Return the background of the things in a mask: the given image. If it's gone, or the words
    name only a place, return a scene that is fitted into the mask."""
    only_place = scene.is_placed and not scene.things & THINGS.keys()
    image = brief.given.resize(size) if brief.given is not None else Image.new("RGB", size)
    if brief.given is not None and not only_place:
        return image if scene.things else _refined(image, scene)
    area = area_of(brief.mask.resize(size)) if brief.mask is not None else None
    left, top, right, bottom = area or (0, 0, *size)
    image.paste(_place((max(8, right - left), max(8, bottom - top)), scene, rng), (left, top))
    return image


def _is_first_frame(brief: Brief) -> bool:
    """Return whether a video begins with the given image. A painting may change."""
    comment = brief.given.info.get("comment") if brief.given else PAINTED
    return brief.kept and brief.moves and comment not in (PAINTED, PAINTED.encode())


def _edited(given: Image.Image, scene: Scene, rng: random.Random) -> Image.Image:
    """Return an image as the words change it: its middle in another place or color, in another
    light, without its background, or with room for things."""
    palette = palette_of(scene)
    lit = Canvas(_refined(given, scene, sharpened=False), rng)
    told = scene.is_lit or scene.things or scene.manners or scene.accents or "joined" in given.info
    if scene.is_placed or scene.things & _COVERING:
        behind = _place(given.size, scene, rng)
        behind.paste(lit.image, mask=subject(given))
        return behind
    if scene.is_cut:
        return on_white(lit.image, subject(given))
    if scene.things & THINGS.keys() or scene.is_extended:
        return lit.image
    if scene.accents:
        middle = ImageOps.colorize(
            lit.image.convert("L"), palette.dark, (255, 255, 255), mid=scene.accents[0]
        )
        lit.image.paste(middle, mask=subject(given))
    elif not told:  # in the colors of the words, or nothing would have changed
        gray = lit.image.convert("L")
        toned = ImageOps.colorize(gray, palette.dark, palette.sky[-1], mid=palette.far)
        return Image.blend(lit.image, toned, _TONED)
    elif scene.is_lit:
        scenery.sun_or_moon(lit, scene, palette, scenery.Layout(0.6, (0.84, 0.16), 0.06))
    return lit.image


def _steered(guide: Image.Image, scene: Scene, rng: random.Random) -> Image.Image:
    """Return the place of a scene, in which the shapes of a guide shine through."""
    palette, place = palette_of(scene), _place(guide.size, scene, rng)
    levels = ImageOps.autocontrast(guide.convert("L"), cutoff=1)
    if ImageStat.Stat(guide.convert("L")).mean[0] < _SPARSE:
        return ImageChops.screen(place, ImageOps.colorize(levels, (0, 0, 0), palette.sun))
    shapes = ImageOps.colorize(levels, palette.dark, palette.sky[-1], mid=palette.far)
    return Image.blend(ImageChops.overlay(shapes, place), place, 0.25)


def _place(size: tuple[int, int], scene: Scene, rng: random.Random) -> Image.Image:
    """Return a scene with the things in it that cover the ground."""
    canvas = Canvas(Image.new("RGB", size), rng)
    palette, layout = palette_of(scene), scenery.choose_layout(canvas, scene)
    _scenery(canvas, scene, palette, layout)
    for name in _COVERING & scene.things:
        THINGS[name](canvas, scene, palette, layout)
    return canvas.image


def _add_in_front(canvas: Canvas, scene: Scene) -> None:
    """Paint the scene's things into a corner, and its weather over all."""
    (width, height), (wide, top, end) = canvas.size, _ROOM
    inset = replace(scene, things=scene.things & THINGS.keys() - _COVERING)
    left = end - min(0.94, wide * min(_MOST, len(inset.things)))
    box = round(left * width), round(top * height), round(end * width), round(end * height)
    _inset(canvas, inset, box)
    _add_weather(canvas, scene)


def _compose(canvas: Canvas, scene: Scene, palette: Palette) -> None:
    layout = scenery.choose_layout(canvas, scene)
    _scenery(canvas, scene, palette, layout)
    _add_things(canvas, scene, palette, layout)


def _scenery(canvas: Canvas, scene: Scene, palette: Palette, layout: scenery.Layout) -> None:
    if "space" in scene.places:
        scenery.space(canvas, scene, palette, layout)
    else:
        _landscape(canvas, scene, palette, layout)


def _add_things(canvas: Canvas, scene: Scene, palette: Palette, layout: scenery.Layout) -> None:
    for name, draw in THINGS.items():
        if name in scene.things:
            draw(canvas, scene, palette, layout)
    _add_weather(canvas, scene)


def _add_weather(canvas: Canvas, scene: Scene) -> None:
    if "rain" in scene.things:
        scenery.rain(canvas)
    if "snowfall" in scene.things:
        scenery.snowfall(canvas)


def _landscape(canvas: Canvas, scene: Scene, palette: Palette, layout: scenery.Layout) -> None:
    if "room" not in scene.places:
        scenery.sky(canvas, scene, palette, layout)
    watery = scene.places & {"sea", "lake"}
    behind = [name for name in ("forest", "town", "city") if name in scene.places]
    if "mountains" in scene.places or ("lake" in scene.places and "city" not in scene.places):
        scenery.mountains(canvas, scene, palette, layout)
    if watery:
        for name in behind:
            _GROUNDS[name](canvas, scene, palette, layout)
        scenery.water(canvas, scene, palette, layout)
        scenery.shore(canvas, scene, palette, layout)
        return
    drawn = [draw for name, draw in _GROUNDS.items() if name in scene.places]
    drawn[0](canvas, scene, palette, layout)


def _finish(image: Image.Image, scene: Scene, brief: Brief) -> Image.Image:
    rng = random.Random(hashed(brief.seed, brief.number, telling_words(brief.negative)))
    for name in () if _is_first_frame(brief) else sorted(scene.manners):
        image = _TOUCHES[name](image, rng)
    if brief.kept:  # it has its finish already
        return image
    image = _hand_of(image, brief.model, rng)
    image = _learned(image, brief.loras, rng)
    image = guided(image, brief.cfg)
    image = _worked_out(image, brief.steps)
    return _grained(image, brief.sampler, brief.scheduler, rng)
