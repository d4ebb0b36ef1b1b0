"""Finishing touches: styles named in the text, the model's style, LoRAs, guidance, steps, sampler
and scheduler."""

from __future__ import annotations

import random
from collections.abc import Callable

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from comfy.demo.painter.canvas import Colour
from comfy.demo.painter.words import Light, Scene, hashed

Touch = Callable[[Image.Image, random.Random], Image.Image]


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


TOUCHES: dict[str, Touch] = {
    "watercolour": _watercolour,
    "ink": _ink,
    "mono": _mono,
}


_LIT: dict[Light, tuple[Colour, float]] = {
    "night": ((60, 74, 132), 0.8),
    "sunset": ((255, 184, 128), 0.55),
    "dawn": ((255, 222, 214), 0.4),
    "grey": ((186, 194, 200), 0.5),
    "day": ((255, 252, 240), 0.2),
}
_SNOW = (240, 246, 255)


def refined(image: Image.Image, scene: Scene) -> Image.Image:
    """Return a given image with the same content: sharper, and in the scene's light and season."""
    sharp = image.filter(ImageFilter.UnsharpMask(3, 80, 2))
    if scene.season == "winter":
        sharp = Image.blend(sharp, ImageOps.grayscale(sharp).convert("RGB"), 0.6)
        sharp = Image.blend(sharp, Image.new("RGB", sharp.size, _SNOW), 0.3)
    if not scene.is_lit:
        return sharp
    colour, amount = _LIT[scene.light]
    lit = ImageChops.multiply(sharp, Image.new("RGB", sharp.size, colour))
    return Image.blend(sharp, lit, amount)


def hand_of(image: Image.Image, model: str, rng: random.Random) -> Image.Image:
    """Apply the model's painting style: a known style by a word in its name, otherwise a tint of
    its own."""
    known = next((touch for name, touch in TOUCHES.items() if name in model.lower()), None)
    if known is not None:
        return known(image, rng)
    if "landscape" in model.lower():
        return image
    red, green, blue = (hashed(model, place) % 37 for place in range(3))
    return ImageChops.add(image, Image.new("RGB", image.size, (red, green, blue)), 1.0, -18)


def learned(
    image: Image.Image, loras: tuple[tuple[str, float], ...], rng: random.Random
) -> Image.Image:
    """Apply the LoRAs with their strengths."""
    for name, strength in loras:
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


def worked_out(image: Image.Image, steps: int) -> Image.Image:
    """Blur the image if there are few steps, and sharpen it slightly if there are many."""
    if steps < 12:
        return image.filter(ImageFilter.GaussianBlur(image.width / 512 * (12 - steps) * 0.42))
    return image.filter(ImageFilter.UnsharpMask(1.2, min(90, steps), 2))


def grained(image: Image.Image, sampler: str, scheduler: str, rng: random.Random) -> Image.Image:
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
    shade = (
        Image.radial_gradient("L")
        .resize(image.size)
        .point(
            [
                255 - round(255 * strength * max(0.0, value / 255 - 0.35) ** 1.5 * 1.4)
                for value in range(256)
            ]
        )
    )
    return ImageChops.multiply(image, Image.merge("RGB", (shade, shade, shade)))
