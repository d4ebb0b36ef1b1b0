"""People and animals."""

from __future__ import annotations

from comfy.demo.painter.canvas import Canvas, Colour, Pen, Point, mix
from comfy.demo.painter.palette import Palette
from comfy.demo.painter.sky import Layout, beside
from comfy.demo.painter.words import Scene


def portrait(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint the head and shoulders of a person in the center."""
    x, a = 0.5 + canvas.rng.uniform(-0.05, 0.05), canvas.aspect
    skin = canvas.rng.choice(((244, 206, 178), (214, 164, 126), (164, 112, 80), (112, 74, 54)))
    hair = canvas.rng.choice(
        ((54, 36, 30), (24, 20, 26), (150, 92, 44), (196, 150, 84), (150, 60, 40))
    )
    cloth = (
        scene.accents[0]
        if scene.accents
        else canvas.rng.choice(((58, 88, 134), (150, 60, 70), (60, 110, 96), (94, 74, 120)))
    )
    long_hair = canvas.rng.random() < 0.6

    def back_hair(pen: Pen) -> None:
        pen.ellipse((x, 0.45), 0.2 * a, 0.235)
        if long_hair:
            pen.polygon(
                [
                    (x - 0.2 * a, 0.45),
                    (x + 0.2 * a, 0.45),
                    (x + 0.235 * a, 0.84),
                    (x - 0.235 * a, 0.84),
                ]
            )

    canvas.layer(back_hair, (mix(hair, palette.sun, 0.16), hair), top=0.2, bottom=0.7)

    def body(pen: Pen) -> None:
        pen.ellipse((x, 1.06), 0.38 * a, 0.3)

    canvas.layer(
        lambda pen: pen.rectangle((x - 0.068 * a, 0.6, x + 0.068 * a, 0.86)),
        mix(skin, palette.dark, 0.22),
    )
    canvas.layer(
        body,
        (mix(cloth, palette.sun, 0.2), cloth, mix(cloth, palette.dark, 0.4)),
        top=0.76,
        bottom=1.0,
    )
    canvas.area(
        [(x - 0.075 * a, 0.77), (x + 0.075 * a, 0.77), (x, 0.86)],
        mix(skin, palette.dark, 0.14),
    )
    canvas.layer(
        lambda pen: pen.ellipse((x, 0.49), 0.15 * a, 0.195),
        (mix(skin, palette.sun, 0.2), skin, mix(skin, palette.dark, 0.14)),
        top=0.3,
        bottom=0.68,
    )

    def fringe(pen: Pen) -> None:
        pen.ellipse((x, 0.4), 0.172 * a, 0.155)
        pen.ellipse((x + 0.03 * a, 0.51), 0.15 * a, 0.16, 0)

    canvas.layer(fringe, hair)
    _face(canvas, x, skin, hair, palette)


def _face(canvas: Canvas, x: float, skin: Colour, hair: Colour, palette: Palette) -> None:
    a = canvas.aspect
    eye = canvas.rng.choice(((70, 110, 140), (84, 60, 40), (74, 110, 72)))
    cheek = mix(skin, (226, 96, 96), 0.4)
    canvas.layer(
        lambda pen: pen.dots(((x + dx * a, 0.555) for dx in (-0.08, 0.08)), 0.036 * a, 0.022),
        cheek,
        blur=0.012,
        opacity=0.6,
    )
    canvas.layer(
        lambda pen: pen.dots(((x + dx * a, 0.49) for dx in (-0.06, 0.06)), 0.029 * a, 0.0165),
        (250, 248, 244),
    )
    canvas.layer(
        lambda pen: pen.dots(((x + dx * a, 0.49) for dx in (-0.058, 0.062)), 0.0145 * a, 0.0152),
        eye,
    )
    canvas.layer(
        lambda pen: pen.dots(((x + dx * a, 0.49) for dx in (-0.058, 0.062)), 0.007 * a, 0.0072),
        (20, 18, 22),
    )

    def brows(pen: Pen) -> None:
        for dx in (-0.06, 0.06):
            arch = ((-0.034, 0.458), (0.0, 0.446), (0.034, 0.456))
            pen.line([(x + (dx + part) * a, y) for part, y in arch], 0.0062)

    canvas.layer(brows, mix(hair, skin, 0.15))
    canvas.layer(
        lambda pen: pen.line(
            [(x + 0.004 * a, 0.5), (x - 0.014 * a, 0.558), (x + 0.012 * a, 0.564)], 0.0042
        ),
        mix(skin, palette.dark, 0.35),
    )
    canvas.area(
        [
            (x - 0.048 * a, 0.606),
            (x - 0.012 * a, 0.6),
            (x, 0.603),
            (x + 0.012 * a, 0.6),
            (x + 0.048 * a, 0.606),
            (x, 0.63),
        ],
        mix((196, 84, 84), skin, 0.2),
    )


def cat(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a sitting cat."""
    x, y, a = 1 - beside(canvas, layout), 0.95, canvas.aspect
    usual: tuple[Colour, ...] = ((224, 146, 70), (74, 70, 78), (236, 228, 214), (140, 118, 98))
    fur = scene.accents[0] if scene.accents else canvas.rng.choice(usual)
    fur = mix(fur, palette.dark, 0.3 if scene.light == "night" else 0.06)

    def at(dx: float, dy: float) -> Point:
        return x + dx * a * 0.36, y + dy * 0.36

    if scene.places & {"sea", "lake"}:
        ground = palette.sand if "sea" in scene.places else palette.near
        canvas.layer(
            lambda pen: pen.ellipse((x, 1.03), 0.6 * a, 0.12),
            (ground, mix(ground, palette.dark, 0.3)),
            top=0.9,
        )
    canvas.layer(
        lambda pen: pen.ellipse(at(0.05, 0.03), 0.2 * a, 0.03), palette.dark, blur=0.01, opacity=0.5
    )

    def tail(pen: Pen) -> None:
        for part in range(25):
            bend = part / 24
            spot = at(0.26 + 0.36 * bend - 0.26 * bend**3, -0.06 - 0.1 * bend - 0.42 * bend**2)
            pen.ellipse(spot, (0.018 - 0.006 * bend) * a, 0.018 - 0.006 * bend)

    def body(pen: Pen) -> None:
        pen.ellipse(at(0, -0.27), 0.115 * a, 0.125)
        pen.ellipse(at(0, -0.68), 0.088 * a, 0.078)
        for side in (-1, 1):
            pen.polygon([at(side * 0.06, -0.82), at(side * 0.24, -0.74), at(side * 0.21, -1.0)])
            pen.ellipse(at(side * 0.13, -0.0), 0.04 * a, 0.026)

    canvas.layer(tail, fur)
    canvas.layer(
        body, (mix(fur, palette.sun, 0.25), fur, mix(fur, palette.dark, 0.25)), top=0.6, bottom=0.96
    )
    canvas.layer(
        lambda pen: pen.ellipse(at(0, -0.2), 0.058 * a, 0.09),
        mix(fur, (255, 250, 240), 0.6),
        blur=0.006,
    )

    def eyes(pen: Pen) -> None:
        for side in (-1, 1):
            pen.ellipse(at(side * 0.1, -0.7), 0.02 * a, 0.019)

    canvas.layer(eyes, (226, 214, 96))

    def pupils(pen: Pen) -> None:
        for side in (-1, 1):
            pen.ellipse(at(side * 0.1, -0.7), 0.006 * a, 0.016)
            for dy in (-0.61, -0.585):
                pen.line([at(side * 0.08, -0.6), at(side * 0.34, dy - 0.02)], 0.0015, 170)

    canvas.layer(pupils, (22, 20, 24))
    canvas.area([at(-0.035, -0.635), at(0.035, -0.635), at(0, -0.595)], (222, 120, 120))
