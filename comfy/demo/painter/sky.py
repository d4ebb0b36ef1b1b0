"""Sky and space: sun, moon, stars, clouds, weather, and the layout of the scene."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from comfy.demo.painter.canvas import Canvas, Colour, Pen, Point, gradient, mix
from comfy.demo.painter.palette import Palette
from comfy.demo.painter.words import Scene


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions of the horizon and the sun; heights run from 0 (top) to 1."""

    horizon: float
    sun: Point
    sun_size: float


def choose_layout(canvas: Canvas, scene: Scene) -> Layout:
    """Choose the composition by the seed."""
    watery = scene.places & {"sea", "lake"}
    horizon = canvas.rng.uniform(0.5, 0.62) if watery else canvas.rng.uniform(0.56, 0.7)
    low = scene.light in ("sunset", "dawn")
    height = horizon - canvas.rng.uniform(0.02, 0.16) if low else canvas.rng.uniform(0.12, 0.28)
    return Layout(
        horizon, (canvas.rng.uniform(0.18, 0.82), height), canvas.rng.uniform(0.045, 0.07)
    )


def beside(canvas: Canvas, layout: Layout) -> float:
    """Return a position off-center, away from the sun."""
    left = layout.sun[0] > 0.5
    return canvas.rng.uniform(0.2, 0.36) if left else canvas.rng.uniform(0.64, 0.8)


def sky(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint the sky with sun or moon, stars and clouds, as the scene has them."""
    width, height = canvas.size
    canvas.image.paste(
        gradient((width, max(1, round(height * layout.horizon))), palette.sky), (0, 0)
    )
    canvas.image.paste(palette.sky[-1], (0, round(height * layout.horizon), width, height))
    if scene.light == "night" or "stars" in scene.things:
        stars(canvas, layout)
    if scene.light != "grey" or scene.things & {"sun", "moon"}:
        _sun_or_moon(canvas, scene, palette, layout)
    if "clouds" not in scene.avoided:
        _clouds(canvas, scene, palette, layout)


def stars(canvas: Canvas, layout: Layout) -> None:
    """Paint stars above the horizon."""

    def draw(pen: Pen) -> None:
        for _ in range(170):
            size = canvas.rng.choice((0.0009, 0.0012, 0.0016, 0.0026))
            spot = canvas.rng.random(), canvas.rng.random() ** 1.3 * layout.horizon
            pen.ellipse(spot, size * canvas.aspect, size, canvas.rng.randint(110, 255))

    canvas.layer(draw, (255, 252, 240))


def _sun_or_moon(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    centre = layout.sun
    canvas.glow(centre, 0.52, palette.sun, 0.55 if scene.light in ("sunset", "dawn") else 0.32)
    canvas.glow(centre, 0.17, palette.sun, 0.6)
    disc(canvas, scene, palette, layout)


def disc(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint the sun, or the moon at night, without a glow."""
    centre, size = layout.sun, layout.sun_size
    canvas.layer(lambda pen: pen.ellipse(centre, size * canvas.aspect, size), palette.sun)
    if scene.light == "night":
        craters = ((-0.35, -0.2, 0.22), (0.25, 0.3, 0.3), (0.3, -0.4, 0.16), (-0.2, 0.45, 0.14))

        def draw(pen: Pen) -> None:
            for dx, dy, part in craters:
                spot = centre[0] + dx * size * canvas.aspect, centre[1] + dy * size
                pen.ellipse(spot, part * size * canvas.aspect, part * size)

        canvas.layer(draw, (202, 206, 222), blur=0.002, opacity=0.7)


def _clouds(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    many = scene.light == "grey" or "clouds" in scene.things
    cover = canvas.rng.uniform(0.5, 0.6) if many else canvas.rng.uniform(0.36, 0.46)
    patches = canvas.cloud_mask(canvas.rng.choice((2, 3)), cover)
    fade = gradient(canvas.size, ((225, 0, 0), (200, 0, 0), (90, 0, 0), (0, 0, 0))).getchannel(0)
    height = max(1, round(layout.horizon * canvas.size[1]))
    shown = Image.new("L", canvas.size, 0)
    shown.paste(
        fade.resize((canvas.size[0], height)), (0, 0), patches.crop((0, 0, canvas.size[0], height))
    )
    canvas.paint(
        shown,
        (palette.cloud, mix(palette.cloud, palette.sky[-1], 0.6)),
        bottom=layout.horizon,
        opacity=0.85,
    )


def space(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint nebulae, stars and a ringed planet."""
    width, height = canvas.size
    canvas.image.paste(gradient((width, height), ((8, 8, 26), (18, 14, 44), (10, 12, 34))), (0, 0))
    colours = (*scene.accents, palette.cloud, (204, 72, 160), (60, 130, 220), (240, 150, 90))[:3]
    for colour in colours:
        canvas.paint(
            canvas.cloud_mask(2, canvas.rng.uniform(0.4, 0.52), stretch=1.0), colour, opacity=0.5
        )
    stars(canvas, Layout(1.0, (0, 0), 0))
    centre = canvas.rng.uniform(0.3, 0.7), canvas.rng.uniform(0.34, 0.62)
    planet(
        canvas,
        centre,
        canvas.rng.uniform(0.13, 0.2),
        scene.accents[0] if scene.accents else palette.sand,
    )


def planet(canvas: Canvas, at: Point, size: float, colour: Colour) -> None:
    """Paint a banded planet, lit from one side, inside its ring."""
    width, height = canvas.size
    globe = canvas.mask(lambda pen: pen.ellipse(at, size * canvas.aspect, size))
    bands = [
        mix(colour, canvas.rng.choice(((255, 240, 220), (90, 60, 70))), canvas.rng.uniform(0, 0.4))
        for _ in range(9)
    ]
    canvas.paint(globe, bands, top=at[1] - size, bottom=at[1] + size)
    shade = canvas.mask(
        lambda pen: pen.ellipse(
            (at[0] - 0.3 * size * canvas.aspect, at[1] - 0.25 * size), size * canvas.aspect, size
        ),
        blur=0.03,
    )
    dark = Image.composite(Image.new("L", (width, height), 0), globe, shade)
    canvas.paint(dark, (6, 6, 22), opacity=0.75)

    def ring(pen: Pen) -> None:
        for part, strength in ((2.0, 210), (1.72, 90), (1.6, 220), (1.42, 0)):
            pen.ellipse(at, part * size * canvas.aspect, part * size * 0.3, strength)
        pen.rectangle((0, 0, 1, at[1]), 0)

    canvas.layer(ring, mix(colour, (255, 255, 255), 0.5), opacity=0.85)


def rain(canvas: Canvas) -> None:
    """Paint slanted streaks of rain over the image."""

    def draw(pen: Pen) -> None:
        for _ in range(170):
            x, y, long = (
                canvas.rng.uniform(-0.05, 1.05),
                canvas.rng.random(),
                canvas.rng.uniform(0.02, 0.06),
            )
            pen.line([(x, y), (x - long * 0.22, y + long)], 0.0014, canvas.rng.randint(50, 150))

    canvas.layer(draw, (224, 232, 240), opacity=0.6)


def snowfall(canvas: Canvas) -> None:
    """Paint snowflakes at several distances."""

    def draw(pen: Pen) -> None:
        for _ in range(210):
            size = canvas.rng.choice((0.002, 0.003, 0.004, 0.007))
            pen.ellipse(
                (canvas.rng.random(), canvas.rng.random()),
                size * canvas.aspect,
                size,
                canvas.rng.randint(90, 240),
            )

    canvas.layer(draw, (255, 255, 255), blur=0.001)
