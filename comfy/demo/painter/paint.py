"""Paint images from words for the stand-in's samplers.

Nothing is learned or loaded. The words choose light, place, things and style. The seed chooses the
composition, and the sampler's other settings change the finish. The same brief gives the same
image.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image

from comfy.demo.painter import finish, ground, inset, sky, water
from comfy.demo.painter.canvas import Canvas
from comfy.demo.painter.palette import Palette, palette_of
from comfy.demo.painter.things import THINGS
from comfy.demo.painter.words import Scene, hashed, read, telling_words


@dataclass(frozen=True, slots=True)
class Brief:
    """Everything that determines an image."""

    text: str
    negative: str
    seed: int
    number: int
    width: int
    height: int
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    model: str
    loras: tuple[tuple[str, float], ...] = ()
    given: Image.Image | None = None
    """The image that is sampled again. Without a place among the words, it keeps its content."""
    mask: Image.Image | None = None
    """Where the given image is painted over. The words' things are fitted into this area."""


def paint(brief: Brief, longest_side: int = 1024) -> Image.Image:
    """Return the finished RGB image. To save time, an image with a side longer than `longest_side`
    is painted at that size and scaled up."""
    scene = read(brief.text, brief.negative)
    scale = min(1.0, longest_side / max(brief.width, brief.height))
    size = max(8, round(brief.width * scale)), max(8, round(brief.height * scale))
    rng = random.Random(hashed(brief.seed, brief.number, scene.mood))
    if brief.mask is not None:
        canvas = Canvas(_background(brief, scene, size, rng), rng)
        inset.paint_into(canvas, scene, brief.mask.resize(size))
    elif brief.given is None or scene.is_placed:
        canvas = Canvas(Image.new("RGB", size), rng)
        _compose(canvas, scene, palette_of(scene))
    else:
        canvas = Canvas(finish.refined(brief.given.resize(size), scene), rng)
        _add_things(canvas, scene, palette_of(scene), sky.choose_layout(canvas, scene))
    image = _finish(canvas.image, scene, brief)
    return (
        image.resize((brief.width, brief.height), Image.Resampling.BICUBIC) if scale < 1 else image
    )


def _background(
    brief: Brief, scene: Scene, size: tuple[int, int], rng: random.Random
) -> Image.Image:
    """Return the background of the things in a mask: the given image. If it's gone, or the words
    name only a place, return a scene that is fitted into the mask."""
    only_place = scene.is_placed and not scene.things & inset.THINGS.keys()
    image = brief.given.resize(size) if brief.given is not None else Image.new("RGB", size)
    if brief.given is not None and not only_place:
        return image if scene.things else finish.refined(image, scene)
    area = inset.area_of(brief.mask.resize(size)) if brief.mask is not None else None
    left, top, right, bottom = area or (0, 0, *size)
    part = Canvas(Image.new("RGB", (max(8, right - left), max(8, bottom - top))), rng)
    _scenery(part, scene, palette_of(scene), sky.choose_layout(part, scene))
    image.paste(part.image, (left, top))
    return image


def _compose(canvas: Canvas, scene: Scene, palette: Palette) -> None:
    layout = sky.choose_layout(canvas, scene)
    _scenery(canvas, scene, palette, layout)
    _add_things(canvas, scene, palette, layout)


def _scenery(canvas: Canvas, scene: Scene, palette: Palette, layout: sky.Layout) -> None:
    if "space" in scene.places:
        sky.space(canvas, scene, palette, layout)
    else:
        _landscape(canvas, scene, palette, layout)


def _add_things(canvas: Canvas, scene: Scene, palette: Palette, layout: sky.Layout) -> None:
    for name, draw in THINGS.items():
        if name in scene.things:
            draw(canvas, scene, palette, layout)
    if "rain" in scene.things:
        sky.rain(canvas)
    if "snowfall" in scene.things:
        sky.snowfall(canvas)


def _landscape(canvas: Canvas, scene: Scene, palette: Palette, layout: sky.Layout) -> None:
    sky.sky(canvas, scene, palette, layout)
    watery = scene.places & {"sea", "lake"}
    behind = [name for name in ("forest", "town", "city") if name in scene.places]
    if "mountains" in scene.places or ("lake" in scene.places and "city" not in scene.places):
        ground.mountains(canvas, scene, palette, layout)
    if watery:
        for name in behind:
            _GROUNDS[name](canvas, scene, palette, layout)
        water.water(canvas, scene, palette, layout)
        water.shore(canvas, scene, palette, layout)
        return
    drawn = [draw for name, draw in _GROUNDS.items() if name in scene.places]
    drawn[0](canvas, scene, palette, layout)


_GROUNDS = {
    "desert": ground.desert,
    "city": ground.city,
    "town": ground.town,
    "forest": ground.forest,
    "hills": ground.hills,
    "mountains": ground.hills,
}


def _finish(image: Image.Image, scene: Scene, brief: Brief) -> Image.Image:
    rng = random.Random(hashed(brief.seed, brief.number, telling_words(brief.negative)))
    for name in sorted(scene.manners):
        image = finish.TOUCHES[name](image, rng)
    image = finish.hand_of(image, brief.model, rng)
    image = finish.learned(image, brief.loras, rng)
    image = finish.guided(image, brief.cfg)
    image = finish.worked_out(image, brief.steps)
    return finish.grained(image, brief.sampler, brief.scheduler, rng)
