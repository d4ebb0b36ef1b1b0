"""Things in an image, and their painting order: flowers, birds and what is drawn from lists."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from comfyui_standin.painter.canvas import Canvas, Palette, Pen, mix
from comfyui_standin.painter.figures import figure
from comfyui_standin.painter.scenery import Layout, beach
from comfyui_standin.painter.words import Colour, Scene

_BEHIND = ("plane", "paperplane", "balloon", "castle", "house", "lighthouse", "boat", "tree")
_IN_FRONT = (
    *("sofa", "car", "dragon", "robot", "beast", "portrait", "cat", "bag", "bottle"),
    *("campfire", "fruit"),
)
Thing = Callable[[Canvas, Scene, Palette, Layout], None]


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
    **{name: partial(figure, name) for name in _BEHIND},
    "flowers": flowers,
    **{name: partial(figure, name) for name in _IN_FRONT},
}
