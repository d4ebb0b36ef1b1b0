"""Buildings."""

from __future__ import annotations

from comfy.demo.painter.canvas import Canvas, Pen, Point, mix
from comfy.demo.painter.palette import Palette
from comfy.demo.painter.sky import Layout, beside
from comfy.demo.painter.water import islet
from comfy.demo.painter.words import Scene


def lighthouse(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a lighthouse on a rock."""
    x, foot, tall = beside(canvas, layout), layout.horizon + 0.06, canvas.rng.uniform(0.3, 0.38)
    a = canvas.aspect
    rock = [(x - 0.2 * a, foot + 0.05), (x - 0.11 * a, foot - 0.02), (x - 0.02, foot - 0.035)]
    rock += [(x + 0.1 * a, foot - 0.015), (x + 0.24 * a, foot + 0.055)]
    canvas.area(
        rock,
        (mix(palette.near, palette.far, 0.3), palette.dark),
        top=foot - 0.04,
        bottom=foot + 0.06,
    )
    top = foot - 0.03 - tall

    def tower(pen: Pen) -> None:
        pen.polygon(
            [
                (x - 0.036 * a, foot - 0.02),
                (x + 0.036 * a, foot - 0.02),
                (x + 0.022 * a, top),
                (x - 0.022 * a, top),
            ]
        )

    white = mix((246, 240, 230), palette.sky[-1], 0.25)
    canvas.layer(tower, white)
    stripe = scene.accents[0] if scene.accents else (196, 62, 56)

    def stripes(pen: Pen) -> None:
        for part in (0.12, 0.46, 0.8):
            low, high = foot - 0.02 - tall * part, foot - 0.02 - tall * (part + 0.16)
            wide = [0.036 - 0.014 * p for p in (part, part + 0.16)]
            pen.polygon(
                [
                    (x - wide[0] * a, low),
                    (x + wide[0] * a, low),
                    (x + wide[1] * a, high),
                    (x - wide[1] * a, high),
                ]
            )

    canvas.layer(stripes, mix(stripe, palette.dark, 0.12))

    def lamp(pen: Pen) -> None:
        pen.rectangle((x - 0.03 * a, top - 0.006, x + 0.03 * a, top + 0.006))
        pen.polygon([(x - 0.02 * a, top - 0.042), (x + 0.02 * a, top - 0.042), (x, top - 0.066)])

    canvas.layer(lamp, palette.dark)
    canvas.layer(
        lambda pen: pen.rectangle((x - 0.015 * a, top - 0.04, x + 0.015 * a, top - 0.007)),
        (255, 232, 150),
    )
    if scene.light != "day":
        _beam(canvas, (x, top - 0.024))


def _beam(canvas: Canvas, lamp: Point) -> None:
    away = -1 if lamp[0] > 0.5 else 1
    cone = [lamp, (lamp[0] + away * 0.9, lamp[1] - 0.12), (lamp[0] + away * 0.9, lamp[1] + 0.06)]
    canvas.area(cone, (255, 240, 190), blur=0.012, opacity=0.3)
    canvas.glow(lamp, 0.11, (255, 238, 180), 0.9)


def house(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a house, on an island if the scene has water."""
    x, y = beside(canvas, layout), layout.horizon + canvas.rng.uniform(0.1, 0.16)
    size, a = canvas.rng.uniform(0.09, 0.12), canvas.aspect
    if scene.places & {"sea", "lake"}:
        y = layout.horizon + 0.05
        islet(canvas, palette, (x, y), 2.0 * size)

    def at(dx: float, dy: float) -> Point:
        return x + dx * size * a, y + dy * size

    wall = mix(
        scene.accents[0] if scene.accents else (214, 186, 152),
        palette.dark,
        0.3 if scene.light == "night" else 0.1,
    )
    canvas.layer(
        lambda pen: pen.rectangle((*at(0.42, -1.0), *at(0.62, -0.55))),
        mix(palette.dark, (120, 70, 60), 0.4),
    )
    canvas.layer(
        lambda pen: pen.rectangle((*at(-0.85, -0.62), *at(0.85, 0.06))),
        (wall, mix(wall, palette.dark, 0.25)),
        top=y - size,
        bottom=y,
    )
    roof = mix((150, 72, 56), palette.dark, 0.35)
    if scene.season == "winter":
        roof = (236, 240, 248)
    canvas.area([at(-1.02, -0.56), at(1.02, -0.56), at(0.62, -1.1), at(-0.62, -1.1)], roof)
    canvas.layer(
        lambda pen: pen.rectangle((*at(-0.12, -0.36), *at(0.16, 0.06))),
        mix(palette.dark, (90, 60, 40), 0.5),
    )

    def windows(pen: Pen) -> None:
        for dx in (-0.62, 0.36):
            pen.rectangle((*at(dx, -0.42), *at(dx + 0.26, -0.14)))

    canvas.layer(windows, palette.window)
    if scene.light != "day":
        for dx in (-0.49, 0.49):
            canvas.glow(at(dx, -0.28), 0.07, palette.window, 0.55)
    puffs = [(at(0.52 + 0.12 * n, -1.12 - 0.2 * n), 0.07 + 0.035 * n) for n in range(5)]

    def smoke(pen: Pen) -> None:
        for spot, part in puffs:
            pen.ellipse(spot, part * size * a, part * size, 170)

    canvas.layer(smoke, (230, 230, 234), blur=0.008, opacity=0.5)


def castle(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a castle on a rise, or on an island if the scene has water."""
    x, y = beside(canvas, layout), layout.horizon + 0.03
    size, a = canvas.rng.uniform(0.26, 0.32), canvas.aspect
    stone = mix(mix(palette.far, palette.dark, 0.5), (190, 180, 176), 0.2)

    def at(dx: float, dy: float) -> Point:
        return x + dx * size * a, y + dy * size

    on_land = not scene.places & {"sea", "lake"}
    islet(canvas, palette, (x, y + 0.03), (1.5 if on_land else 1.15) * size, on_land=on_land)
    towers = (
        (-0.46, 0.62, 0.09),
        (-0.2, 0.86, 0.1),
        (0.08, 1.12, 0.1),
        (0.34, 0.74, 0.1),
        (0.54, 0.5, 0.07),
    )

    def walls(pen: Pen) -> None:
        pen.rectangle((*at(-0.5, -0.34), *at(0.56, 0.1)))
        for dx, tall, half in towers:
            pen.rectangle((*at(dx - half, -tall), *at(dx + half, 0.1)))
        for tooth in range(11):
            pen.rectangle((*at(-0.5 + tooth * 0.1, -0.39), *at(-0.45 + tooth * 0.1, -0.33)))

    canvas.layer(walls, (mix(stone, palette.sun, 0.2), stone), top=y - size, bottom=y)

    def roofs(pen: Pen) -> None:
        for dx, tall, half in towers:
            pen.polygon(
                [at(dx - half * 1.3, -tall), at(dx + half * 1.3, -tall), at(dx, -tall - half * 3)]
            )

    canvas.layer(
        roofs, mix(scene.accents[0] if scene.accents else (120, 58, 84), palette.dark, 0.25)
    )

    def windows(pen: Pen) -> None:
        for dx, tall, _ in towers:
            for part in (0.3, 0.62):
                pen.rectangle((*at(dx - 0.02, -tall * part - 0.06), *at(dx + 0.02, -tall * part)))

    canvas.layer(windows, palette.window)
