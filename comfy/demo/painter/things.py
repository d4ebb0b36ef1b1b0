"""Things that stand, sail and fly in an image, and their painting order."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, sin, tau

from comfy.demo.painter.buildings import castle, house, lighthouse
from comfy.demo.painter.canvas import Canvas, Colour, Pen, Point, mix
from comfy.demo.painter.figures import cat, portrait
from comfy.demo.painter.palette import Palette
from comfy.demo.painter.sky import Layout, beside
from comfy.demo.painter.still_life import balloon, campfire, fruit
from comfy.demo.painter.water import beach, islet
from comfy.demo.painter.words import Scene

Thing = Callable[[Canvas, Scene, Palette, Layout], None]


def boat(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a sailboat with its reflection."""
    x = 1 - beside(canvas, layout) + canvas.rng.uniform(-0.06, 0.06)
    y = layout.horizon + canvas.rng.uniform(0.09, 0.17)
    size, a = canvas.rng.uniform(0.15, 0.2), canvas.aspect

    def at(dx: float, dy: float) -> Point:
        return x + dx * size * a, y + dy * size

    def reflection(pen: Pen) -> None:
        pen.polygon([at(-0.4, 0.1), at(0.42, 0.1), at(0.12, 0.75), at(-0.1, 0.7)])

    canvas.layer(reflection, palette.dark, blur=0.012, opacity=0.45)
    canvas.area(
        [at(-0.55, -0.06), at(0.6, -0.06), at(0.4, 0.13), at(-0.4, 0.13)],
        mix((118, 66, 44), palette.dark, 0.35),
    )
    canvas.layer(lambda pen: pen.line([at(0, -0.05), at(0, -1.05)], 0.004), palette.dark)
    cloth = scene.accents[0] if scene.accents else (250, 244, 232)
    shaded = mix(cloth, palette.sky[-2], 0.35)
    canvas.area([at(0.03, -0.98), at(0.5, -0.14), at(0.03, -0.12)], cloth)
    canvas.area([at(-0.03, -0.9), at(-0.38, -0.14), at(-0.03, -0.12)], shaded)


def tree(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a tree, on an island if the scene has water."""
    x, y, tall = beside(canvas, layout), layout.horizon + 0.2, canvas.rng.uniform(0.42, 0.5)
    a = canvas.aspect
    if scene.places & {"sea", "lake"}:
        islet(canvas, palette, (x, y), 0.22)
    trunk = mix((92, 64, 46), palette.dark, 0.45)

    def wood(pen: Pen) -> None:
        pen.polygon(
            [
                (x - 0.028 * a, y),
                (x + 0.03 * a, y),
                (x + 0.012 * a, y - tall * 0.6),
                (x - 0.012 * a, y - tall * 0.6),
            ]
        )
        for dx, dy in ((-0.13, -0.62), (0.14, -0.68), (-0.05, -0.8), (0.07, -0.52)):
            pen.line([(x, y - tall * 0.36), (x + dx * a, y + dy * tall)], 0.008)

    canvas.layer(wood, trunk)
    middle = y - tall * 0.74
    for shade, spread in ((0.35, 0.0), (0.12, -0.012), (-0.15, -0.03)):
        colour = mix(palette.foliage, palette.dark if shade > 0 else palette.sun, abs(shade))

        def crown(pen: Pen, spread: float = spread) -> None:
            for _ in range(60 if spread == 0 else 40):
                angle, reach = canvas.rng.uniform(0, tau), canvas.rng.random() ** 0.6
                spot = (
                    x + (spread + 0.13 * reach * cos(angle)) * a,
                    middle + spread + 0.1 * reach * sin(angle),
                )
                size = canvas.rng.uniform(0.02, 0.042 if spread == 0 else 0.024)
                pen.ellipse(spot, size * a, size)

        canvas.layer(crown, colour)


def flowers(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a flower meadow in the foreground."""
    usual: tuple[Colour, ...] = (
        (226, 64, 74),
        (250, 204, 82),
        (240, 142, 178),
        (246, 242, 232),
        (150, 108, 206),
    )
    colours = scene.accents or usual
    stems, blooms = _meadow(canvas)

    def grass(pen: Pen) -> None:
        for x, y, size in stems:
            pen.line(
                [(x, y), (x + canvas.rng.uniform(-0.01, 0.01), y + size * 4)], size * 0.16, 220
            )

    canvas.layer(grass, mix((86, 140, 70), palette.dark, 0.3))
    for index, colour in enumerate(colours[:5]):
        mine = blooms[index :: len(colours[:5])]

        def petals(pen: Pen, mine: list[tuple[float, float, float]] = mine) -> None:
            for x, y, size in mine:
                for dx, dy in ((0, -0.6), (0.6, -0.1), (0.36, 0.55), (-0.36, 0.55), (-0.6, -0.1)):
                    pen.ellipse(
                        (x + dx * size * canvas.aspect, y + dy * size),
                        0.55 * size * canvas.aspect,
                        0.55 * size,
                    )

        canvas.layer(petals, mix(colour, palette.dark, 0.35 if scene.light == "night" else 0.05))

    def hearts(pen: Pen) -> None:
        for x, y, size in blooms:
            pen.ellipse((x, y), 0.32 * size * canvas.aspect, 0.32 * size)

    canvas.layer(hearts, (250, 214, 110))


def _meadow(
    canvas: Canvas,
) -> tuple[list[tuple[float, float, float]], list[tuple[float, float, float]]]:
    spots = sorted((canvas.rng.random() ** 0.7, canvas.rng.random()) for _ in range(64))
    blooms = [(x, 0.76 + 0.26 * depth, 0.006 + 0.016 * depth) for depth, x in spots]
    return blooms, blooms


def birds(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a flock of birds in the distance."""
    middle = canvas.rng.uniform(0.25, 0.75), canvas.rng.uniform(0.16, 0.36)

    def draw(pen: Pen) -> None:
        for _ in range(canvas.rng.randint(5, 9)):
            x, y = middle[0] + canvas.rng.gauss(0, 0.1), middle[1] + canvas.rng.gauss(0, 0.05)
            size = canvas.rng.uniform(0.012, 0.024)
            wing = size * canvas.aspect
            pen.line(
                [
                    (x - wing, y - size * 0.5),
                    (x - wing * 0.4, y - size * 0.45),
                    (x, y),
                    (x + wing * 0.4, y - size * 0.45),
                    (x + wing, y - size * 0.5),
                ],
                0.0042,
            )

    canvas.layer(draw, palette.dark, opacity=0.9)


# In painting order: objects in front come later.
THINGS: dict[str, Thing] = {
    "beach": beach,
    "birds": birds,
    "balloon": balloon,
    "castle": castle,
    "house": house,
    "lighthouse": lighthouse,
    "boat": boat,
    "tree": tree,
    "flowers": flowers,
    "portrait": portrait,
    "cat": cat,
    "campfire": campfire,
    "fruit": fruit,
}
