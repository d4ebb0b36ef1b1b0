"""Water: a rippled mirror, a path of light, and a shore."""

from __future__ import annotations

from PIL import Image, ImageOps

from comfy.demo.painter.canvas import Canvas, Pen, Point, below, gradient, mix
from comfy.demo.painter.palette import Palette
from comfy.demo.painter.sky import Layout
from comfy.demo.painter.words import Scene


def water(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Mirror everything above the horizon, darker and rippled, and add a path of light."""
    width, height = canvas.size
    line = round(layout.horizon * height)
    depth = height - line
    if depth < 4:
        return
    above = ImageOps.flip(canvas.image.crop((0, max(0, line - depth), width, line))).resize(
        (width, depth)
    )
    deep = gradient(
        (width, depth), (mix(palette.water, palette.sky[-1], 0.5), palette.water, palette.dark)
    )
    surface = Image.blend(above, deep, 0.5)
    rough = 2.4 if "sea" in scene.places else 1.0
    row = 0
    while row < depth:  # stripes that grow toward the viewer, each shifted a little
        tall = max(1, round(1 + row / depth * 5))
        shift = round(canvas.rng.uniform(-1, 1) * rough * (1 + 5 * row / depth) * width / 512)
        stripe = surface.crop((0, row, width, min(depth, row + tall)))
        surface.paste(stripe, (shift, row))
        row += tall
    canvas.image.paste(surface, (0, line))
    _ripples(canvas, palette, layout, rough)
    if scene.light != "grey":
        _light_path(canvas, palette, layout)


def _ripples(canvas: Canvas, palette: Palette, layout: Layout, rough: float) -> None:
    def draw(pen: Pen) -> None:
        for _ in range(round(90 * rough)):
            depth = canvas.rng.random() ** 1.4
            y = layout.horizon + 0.004 + depth * (1 - layout.horizon)
            x, half = canvas.rng.random(), 0.01 + 0.05 * depth * canvas.rng.random()
            pen.ellipse((x, y), half, 0.0008 + 0.0024 * depth, canvas.rng.randint(40, 150))

    canvas.layer(draw, mix(palette.sky[-1], (255, 255, 255), 0.25), opacity=0.5)


def _light_path(canvas: Canvas, palette: Palette, layout: Layout) -> None:
    def draw(pen: Pen) -> None:
        for _ in range(150):
            depth = canvas.rng.random()
            y = layout.horizon + 0.003 + depth * (1 - layout.horizon)
            x = layout.sun[0] + canvas.rng.gauss(0, 0.018 + 0.05 * depth)
            pen.ellipse(
                (x, y), 0.005 + 0.022 * depth, 0.001 + 0.0026 * depth, canvas.rng.randint(70, 220)
            )

    canvas.layer(draw, palette.sun, opacity=0.75)


def shore(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a near shore in one bottom corner."""
    left = canvas.rng.random() < 0.5
    line = [
        (x, 0.93 + 0.1 * (x if left else 1 - x) + dy)
        for x, dy in ((x, y) for x, y in canvas.ridge(0, 0.012))
    ]
    ground = palette.sand if "sea" in scene.places else palette.near
    canvas.area(below(line), (ground, mix(ground, palette.dark, 0.45)), top=0.9, bottom=1.02)


def beach(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint sand in the foreground, and waves that roll onto it."""
    line = canvas.ridge(0.84, 0.025, points=17)
    white = mix((255, 255, 255), palette.sun, 0.3)
    for up, opacity in ((0.1, 0.35), (0.045, 0.6), (0.014, 0.95)):
        foam = [(x, y - up + canvas.rng.uniform(-0.006, 0.006)) for x, y in line]

        def wave(pen: Pen, foam: list[Point] = foam) -> None:
            pen.line(foam, 0.012)

        canvas.layer(wave, white, blur=0.003, opacity=opacity)
    sand = palette.sand
    canvas.area(
        below(line),
        (mix(sand, palette.dark, 0.2), sand, mix(sand, palette.dark, 0.3)),
        top=0.82,
        bottom=1.02,
    )


def islet(
    canvas: Canvas, palette: Palette, foot: Point, half: float, *, on_land: bool = False
) -> None:
    """Paint an islet for an object that would otherwise stand on water. On land it is a knoll that
    fades out below."""
    x, y = foot
    low = max(0.05, 1.02 - y) if on_land else 0.05
    wide = half * canvas.aspect * (1.5 if on_land else 1.0)
    outline = [
        (x + part / 10 * wide, y - 0.012 + (low + 0.012) * abs(part / 10) ** 2.2)
        for part in range(-10, 11)
    ]
    lit = mix(palette.near, palette.far, 0.25)
    colours = lit, palette.near if on_land else mix(palette.near, palette.dark, 0.45)
    canvas.area(outline, colours, top=y - 0.02, bottom=y + low)
