"""The last touches: manners named in the text, the model's hand, LoRAs, guidance, steps, sampler
and scheduler."""

import random
from collections.abc import Callable

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from comfy.demo.painter.canvas import gradient
from comfy.demo.painter.words import hashed

Touch = Callable[[Image.Image, random.Random], Image.Image]


def _watercolour(picture: Image.Image, rng: random.Random) -> Image.Image:
    """Paler, on grained paper, running out into an uneven white edge."""
    width, height = picture.size
    soft = picture.filter(ImageFilter.MedianFilter(3)) if width * height < 300_000 else picture
    pale = Image.blend(soft, Image.new("RGB", picture.size, (250, 246, 238)), 0.16)
    paper = Image.frombytes("L", (96, 96), rng.randbytes(96 * 96)).resize(
        picture.size, Image.Resampling.BICUBIC
    )
    paper = paper.point([225 + value // 9 for value in range(256)])
    pale = ImageChops.multiply(pale, Image.merge("RGB", (paper, paper, paper)))
    ragged = Image.frombytes("L", (14, 14), rng.randbytes(196)).resize(
        picture.size, Image.Resampling.BICUBIC
    )
    frame = Image.new("L", (64, 64), 0)
    frame.paste(255, (5, 5, 59, 59))
    frame = frame.filter(ImageFilter.BoxBlur(4)).resize(picture.size, Image.Resampling.BICUBIC)
    ragged = ragged.point([96 + value // 4 for value in range(256)])
    edge = ImageChops.add(frame, ragged, 1.0, -128)
    edge = edge.point([max(0, min(255, (value - 70) * 7)) for value in range(256)])
    return Image.composite(pale, Image.new("RGB", picture.size, (250, 247, 240)), edge)


def _ink(picture: Image.Image, rng: random.Random, strength: float = 0.8) -> Image.Image:
    """Dark lines where colours meet."""
    edges = picture.convert("L").filter(ImageFilter.SMOOTH).filter(ImageFilter.FIND_EDGES)
    reach = max(0.0, min(1.5, strength))
    lines = edges.point(
        [255 - min(255, round(max(0, value - 12) * 6 * reach)) for value in range(256)]
    )
    return ImageChops.multiply(picture, Image.merge("RGB", (lines, lines, lines)))


def _mono(picture: Image.Image, rng: random.Random) -> Image.Image:
    return ImageOps.autocontrast(picture.convert("L"), cutoff=1).convert("RGB")


def _vintage(picture: Image.Image, rng: random.Random) -> Image.Image:
    grey = ImageOps.colorize(
        picture.convert("L"), (46, 30, 22), (250, 236, 204), mid=(168, 130, 92)
    )
    return _vignette(Image.blend(picture, grey, 0.75), 0.5)


def _neon(picture: Image.Image, rng: random.Random) -> Image.Image:
    lit = ImageEnhance.Color(picture).enhance(1.8)
    tint = gradient(picture.size, ((60, 0, 110), (150, 0, 120), (0, 80, 140)))
    return ImageChops.screen(lit, Image.blend(Image.new("RGB", picture.size), tint, 0.42))


def _minimal(picture: Image.Image, rng: random.Random) -> Image.Image:
    calm = picture.filter(ImageFilter.GaussianBlur(picture.width / 160))
    return (
        calm.quantize(14, dither=Image.Dither.NONE).convert("RGB").filter(ImageFilter.SMOOTH_MORE)
    )


def _pixel(picture: Image.Image, rng: random.Random) -> Image.Image:
    scale = 96 / max(picture.size)
    small = picture.resize(
        (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))),
        Image.Resampling.BOX,
    )
    return small.quantize(24).convert("RGB").resize(picture.size, Image.Resampling.NEAREST)


TOUCHES: dict[str, Touch] = {
    "watercolour": _watercolour,
    "ink": _ink,
    "mono": _mono,
    "vintage": _vintage,
    "neon": _neon,
    "minimal": _minimal,
    "pixel": _pixel,
}


def hand_of(picture: Image.Image, model: str, rng: random.Random) -> Image.Image:
    """How this model paints: known hands by a word in the name, any other by a tint of its own."""
    known = next((touch for name, touch in TOUCHES.items() if name in model.lower()), None)
    if known is not None:
        return known(picture, rng)
    if "landscape" in model.lower():
        return picture
    red, green, blue = (hashed(model, place) % 37 for place in range(3))
    return ImageChops.add(picture, Image.new("RGB", picture.size, (red, green, blue)), 1.0, -18)


def learned(
    picture: Image.Image, loras: tuple[tuple[str, float], ...], rng: random.Random
) -> Image.Image:
    """What LoRAs add, each by its strength."""
    for name, strength in loras:
        amount = max(-1.0, min(1.0, strength / 2))
        if "ink" in name:
            picture = _ink(picture, rng, abs(amount))
            continue
        tint = (
            (255, 150, 60)
            if "evening" in name
            else tuple(hashed(name, place) % 256 for place in range(3))
        )
        light = Image.new(
            "RGB", picture.size, tuple(round(part * abs(amount) * 0.45) for part in tint)
        )
        picture = (
            ImageChops.screen(picture, light) if amount > 0 else ImageChops.subtract(picture, light)
        )
    return picture


def guided(picture: Image.Image, cfg: float) -> Image.Image:
    """Guidance: pale below, deep and at last burnt above its usual 7."""
    strength = max(0.35, min(2.2, 0.72 + cfg / 25))
    picture = ImageEnhance.Color(picture).enhance(strength)
    return ImageEnhance.Contrast(picture).enhance(0.86 + 0.14 * strength)


def worked_out(picture: Image.Image, steps: int) -> Image.Image:
    """With few steps the picture stays blurred, with many it gains a little."""
    if steps < 12:
        return picture.filter(ImageFilter.GaussianBlur(picture.width / 512 * (12 - steps) * 0.42))
    return picture.filter(ImageFilter.UnsharpMask(1.2, min(90, steps), 2))


def grained(picture: Image.Image, sampler: str, scheduler: str, rng: random.Random) -> Image.Image:
    """The grain of the sampler and the vignette of the scheduler."""
    coarse = 1 + hashed(sampler) % 2
    width, height = max(1, picture.width // coarse), max(1, picture.height // coarse)
    grain = Image.frombytes("L", (width, height), rng.randbytes(width * height)).resize(
        picture.size, Image.Resampling.BILINEAR
    )
    depth = 4 + hashed(sampler, "depth") % 8
    grain = grain.point([128 + round((value - 128) * depth / 128) for value in range(256)])
    picture = ImageChops.add(picture, Image.merge("RGB", (grain, grain, grain)), 1.0, -128)
    return _vignette(picture, 0.1 + hashed(scheduler) % 9 / 50)


def _vignette(picture: Image.Image, strength: float) -> Image.Image:
    shade = (
        Image.radial_gradient("L")
        .resize(picture.size)
        .point(
            [
                255 - round(255 * strength * max(0.0, value / 255 - 0.35) ** 1.5 * 1.4)
                for value in range(256)
            ]
        )
    )
    return ImageChops.multiply(picture, Image.merge("RGB", (shade, shade, shade)))
