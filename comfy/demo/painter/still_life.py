"""A campfire, a bowl of fruit and a hot-air balloon."""

from __future__ import annotations

from math import cos, sin, tau

from comfy.demo.painter.canvas import Canvas, Colour, Pen, Point, mix
from comfy.demo.painter.palette import Palette
from comfy.demo.painter.sky import Layout
from comfy.demo.painter.words import Scene

_FLAMES: tuple[tuple[Colour, float], ...] = (
    ((206, 62, 22), 1.0),
    ((244, 126, 30), 0.76),
    ((255, 202, 74), 0.52),
    ((255, 244, 190), 0.28),
)
_LOG: Colour = (74, 46, 32)
_LEMON: Colour = (250, 212, 44)
_GLASS: Colour = (214, 232, 240)


def campfire(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a fire on crossed logs in the foreground, with its glow and sparks."""
    x, y, size = 0.5 + canvas.rng.uniform(-0.04, 0.04), 0.88, 0.3
    a = canvas.aspect

    def at(dx: float, dy: float) -> Point:
        return x + dx * size * a, y + dy * size

    canvas.glow((x, y - 0.1), 0.46, (255, 150, 60), 0.6)
    logs = (
        ((-0.52, 0.12), (0.46, -0.1)),
        ((-0.46, -0.1), (0.52, 0.12)),
        ((-0.3, 0.16), (0.3, 0.16)),
    )

    def wood(pen: Pen) -> None:
        for first, last in logs:
            pen.line([at(*first), at(*last)], 0.034)

    canvas.layer(wood, mix(_LOG, palette.dark, 0.2))
    tongues = [(canvas.rng.uniform(-0.2, 0.2), canvas.rng.uniform(0.6, 1.0)) for _ in range(5)]
    for colour, part in _FLAMES:

        def flames(pen: Pen, part: float = part) -> None:
            for dx, tall in ((0.0, 1.15), *tongues):
                wide = 0.26 * part
                top = at(dx * 1.2 * part, -tall * part - 0.04)
                left, right = at((dx - wide) * part, 0.02), at((dx + wide) * part, 0.02)
                middle = (
                    at((dx - wide * 0.9) * part, -0.36 * part),
                    at((dx + wide * 0.9) * part, -0.36 * part),
                )
                pen.polygon([left, middle[0], top, middle[1], right])

        canvas.layer(flames, colour, blur=0.008, opacity=0.92)
    sparks = [at(canvas.rng.uniform(-0.5, 0.5), -canvas.rng.uniform(0.7, 2.1)) for _ in range(26)]
    canvas.layer(lambda pen: pen.dots(sparks, 0.0034 * a, 0.0034), (255, 190, 96))


def fruit(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a glass bowl full of fruit in the center: lemons, unless a word names their color."""
    skin = scene.accents[0] if scene.accents else _LEMON
    x, y, size = 0.5 + canvas.rng.uniform(-0.03, 0.03), 0.66, 0.26
    a = canvas.aspect

    def at(dx: float, dy: float) -> Point:
        return x + dx * size * a, y + dy * size

    canvas.layer(
        lambda pen: pen.ellipse(at(0, 0.74), 0.9 * size * a, 0.14 * size),
        palette.dark,
        blur=0.02,
        opacity=0.45,
    )
    fruits = [(-0.5, -0.12), (0.48, -0.1), (0.0, -0.2), (-0.26, -0.42), (0.28, -0.4), (0.0, -0.62)]
    fruits += [(-0.34, 0.24), (0.34, 0.24), (0.0, 0.18), (0.0, 0.42)]
    for dx, dy in sorted(fruits, key=lambda one: -one[1]):
        centre = at(dx + canvas.rng.uniform(-0.03, 0.03), dy)

        def piece(pen: Pen, centre: Point = centre) -> None:
            pen.ellipse(centre, 0.29 * size * a, 0.23 * size)
            for side in (-1, 1):
                pen.ellipse(
                    (centre[0] + side * 0.28 * size * a, centre[1]), 0.06 * size * a, 0.05 * size
                )

        canvas.layer(piece, mix(skin, (110, 80, 10), canvas.rng.uniform(0.05, 0.22)))
        canvas.layer(
            lambda pen, centre=centre: pen.ellipse(  # type: ignore[misc]
                (centre[0] - 0.08 * size * a, centre[1] - 0.08 * size), 0.12 * size * a, 0.07 * size
            ),
            mix(skin, (255, 255, 240), 0.6),
            blur=0.008,
            opacity=0.7,
        )
    rim = [at(0.92 * cos(tau * n / 48), -0.04 + 0.2 * sin(tau * n / 48)) for n in range(49)]
    bowl = [at(-0.92, -0.04)] + [
        at(0.92 * -cos(tau * n / 48), -0.04 + 0.82 * sin(tau * n / 48)) for n in range(25)
    ]
    canvas.area(bowl, _GLASS, opacity=0.34)
    canvas.layer(lambda pen: pen.line(bowl, 0.006), _GLASS, opacity=0.8)
    canvas.layer(lambda pen: pen.line(rim, 0.008), (246, 252, 255), opacity=0.9)
    shine = [at(-0.66, 0.06), at(-0.56, 0.34), at(-0.4, 0.54)]
    canvas.layer(lambda pen: pen.line(shine, 0.014), (255, 255, 255), blur=0.004, opacity=0.7)


def balloon(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a striped hot-air balloon high in the image."""
    x, y, size = canvas.rng.uniform(0.32, 0.68), canvas.rng.uniform(0.26, 0.34), 0.17
    a = canvas.aspect
    cloth = scene.accents[0] if scene.accents else (214, 70, 60)
    for wide, colour in ((1.0, cloth), (0.66, (250, 240, 222)), (0.3, cloth)):

        def skin(pen: Pen, wide: float = wide) -> None:
            pen.ellipse((x, y), wide * size * a, size)
            foot = 0.3 * wide * size * a
            half, low = 0.86 * wide * size * a, y + 0.5 * size
            pen.polygon([(x - half, low), (x + half, low), (x + foot, y + 1.4 * size)])
            pen.polygon([(x - half, low), (x + foot, y + 1.4 * size), (x - foot, y + 1.4 * size)])

        canvas.layer(skin, mix(colour, palette.dark, 0.08))
    for side in (-1, 1):
        rope = [
            (x + side * 0.26 * size * a, y + 1.4 * size),
            (x + side * 0.2 * size * a, y + 1.8 * size),
        ]
        canvas.layer(lambda pen, rope=rope: pen.line(rope, 0.004), palette.dark)  # type: ignore[misc]
    basket = (x - 0.22 * size * a, y + 1.74 * size, x + 0.22 * size * a, y + 2.06 * size)
    canvas.layer(lambda pen: pen.rectangle(basket), (124, 84, 56))
