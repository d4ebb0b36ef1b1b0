"""Paint images from words for the stand-in's samplers.

Nothing is learned or loaded. The words choose light, place, things and style. The seed chooses the
composition, and the sampler's other settings change the finish. The same brief gives the same
image.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image

from comfy.demo.painter import finish, ground, sky, water
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


def paint(brief: Brief, longest_side: int = 1024) -> Image.Image:
    """Return the finished RGB image. To save time, an image with a side longer than `longest_side`
    is painted at that size and scaled up."""
    scene = read(brief.text, brief.negative)
    scale = min(1.0, longest_side / max(brief.width, brief.height))
    size = max(8, round(brief.width * scale)), max(8, round(brief.height * scale))
    rng = random.Random(hashed(brief.seed, brief.number, scene.mood))
    if brief.given is None or scene.is_placed:
        canvas = Canvas(Image.new("RGB", size), rng)
        _compose(canvas, scene, palette_of(scene))
    else:
        canvas = Canvas(finish.refined(brief.given.resize(size), scene), rng)
        _add_things(canvas, scene, palette_of(scene), sky.choose_layout(canvas, scene))
    image = _finish(canvas.image, scene, brief)
    return (
        image.resize((brief.width, brief.height), Image.Resampling.BICUBIC) if scale < 1 else image
    )


def _compose(canvas: Canvas, scene: Scene, palette: Palette) -> None:
    layout = sky.choose_layout(canvas, scene)
    if "space" in scene.places:
        sky.space(canvas, scene, palette, layout)
    else:
        _landscape(canvas, scene, palette, layout)
    _add_things(canvas, scene, palette, layout)


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
    if "mountains" in scene.places or ("lake" in scene.places and "city" not in scene.places):
        ground.mountains(canvas, scene, palette, layout)
    if watery:
        if "city" in scene.places:
            ground.city(canvas, scene, palette, layout)
        water.water(canvas, scene, palette, layout)
        water.shore(canvas, scene, palette, layout)
        return
    grounds = {
        "city": ground.city,
        "forest": ground.forest,
        "hills": ground.hills,
        "mountains": ground.hills,
    }
    drawn = [draw for name, draw in grounds.items() if name in scene.places]
    drawn[0](canvas, scene, palette, layout)


def _finish(image: Image.Image, scene: Scene, brief: Brief) -> Image.Image:
    rng = random.Random(hashed(brief.seed, brief.number, telling_words(brief.negative)))
    for name in sorted(scene.manners):
        image = finish.TOUCHES[name](image, rng)
    image = finish.hand_of(image, brief.model, rng)
    image = finish.learned(image, brief.loras, rng)
    image = finish.guided(image, brief.cfg)
    image = finish.worked_out(image, brief.steps)
    return finish.grained(image, brief.sampler, brief.scheduler, rng)
