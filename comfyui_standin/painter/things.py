"""Things in an image, and their painting order: plants, birds, a campfire and a bowl of fruit, and
what is drawn from lists."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import cos, sin, tau

from comfyui_standin.painter.canvas import Canvas, Palette, Pen, Point, mix
from comfyui_standin.painter.figures import figure
from comfyui_standin.painter.scenery import Layout, beach, beside, islet
from comfyui_standin.painter.words import Colour, Scene

_FLAMES: tuple[tuple[Colour, float], ...] = (
    ((206, 62, 22), 1.0),
    ((244, 126, 30), 0.76),
    ((255, 202, 74), 0.52),
    ((255, 244, 190), 0.28),
)
_LOG: Colour = (74, 46, 32)
_LEMON: Colour = (250, 212, 44)
_GLASS: Colour = (214, 232, 240)
_IN_FRONT = ("sofa", "car", "dragon", "robot", "beast", "portrait", "cat", "bag", "bottle")
Thing = Callable[[Canvas, Scene, Palette, Layout], None]


def campfire(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a fire on crossed logs in the foreground, with its glow and sparks."""
    x, y, size = 0.5 + canvas.rng.uniform(-0.04, 0.04), 0.88, 0.3
    a = canvas.aspect
    at = canvas.frame((x, y), size)
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
    skin = scene.accent(_LEMON)
    x, y, size = 0.5 + canvas.rng.uniform(-0.03, 0.03), 0.66, 0.26
    if "portrait" in scene.things:
        x, y, size = beside(canvas, layout), 0.8, 0.2
    a = canvas.aspect
    at = canvas.frame((x, y), size)
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
                spot = centre[0] + side * 0.28 * size * a, centre[1]
                pen.ellipse(spot, 0.06 * size * a, 0.05 * size)

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
    spots = sorted((canvas.rng.random() ** 0.7, canvas.rng.random()) for _ in range(64))
    blooms = [(x, 0.76 + 0.26 * depth, 0.006 + 0.016 * depth) for depth, x in spots]

    def grass(pen: Pen) -> None:
        for x, y, size in blooms:
            foot = x + canvas.rng.uniform(-0.01, 0.01), y + size * 4
            pen.line([(x, y), foot], size * 0.16, 220)

    canvas.layer(grass, mix((86, 140, 70), palette.dark, 0.3))
    for index, colour in enumerate(colours[:5]):
        mine = blooms[index :: len(colours[:5])]

        def petals(pen: Pen, mine: list[tuple[float, float, float]] = mine) -> None:
            for x, y, size in mine:
                for dx, dy in ((0, -0.6), (0.6, -0.1), (0.36, 0.55), (-0.36, 0.55), (-0.6, -0.1)):
                    spot = x + dx * size * canvas.aspect, y + dy * size
                    pen.ellipse(spot, 0.55 * size * canvas.aspect, 0.55 * size)

        canvas.layer(petals, mix(colour, palette.dark, 0.35 if scene.light == "night" else 0.05))

    def hearts(pen: Pen) -> None:
        for x, y, size in blooms:
            pen.ellipse((x, y), 0.32 * size * canvas.aspect, 0.32 * size)

    canvas.layer(hearts, (250, 214, 110))


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
    **{name: partial(figure, name) for name in ("plane", "balloon")},
    **{name: partial(figure, name) for name in ("castle", "house", "lighthouse", "boat")},
    "tree": tree,
    "flowers": flowers,
    **{name: partial(figure, name) for name in _IN_FRONT},
    "campfire": campfire,
    "fruit": fruit,
}
