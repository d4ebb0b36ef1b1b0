"""Solid ground: mountains, hills, deserts, forests, towns and cities."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from comfy.demo.painter.canvas import Canvas, Colour, Pen, Point, below, height_at, mix
from comfy.demo.painter.palette import Palette
from comfy.demo.painter.sky import Layout
from comfy.demo.painter.words import Scene


def mountains(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint mountain ranges, tinted more like the sky with distance, and snow on the highest."""
    haze = palette.sky[-1]
    for index in range(3):
        foot = layout.horizon + 0.02 + index * 0.02
        tall = (0.3, 0.2, 0.1)[index] * canvas.rng.uniform(0.85, 1.15)
        line = _range(canvas, foot, tall)
        colour = mix(mix(haze, palette.far, 0.5 + 0.22 * index), palette.near, 0.2 * index)
        canvas.area(
            below(line),
            (mix(colour, palette.dark, 0.25), colour, mix(colour, haze, 0.5)),
            top=foot - tall,
            bottom=foot + 0.03,
        )
        if index < 2:
            snow = mix((252, 252, 255), palette.sky[-2], 0.25 if scene.light != "night" else 0.6)
            _snow_caps(
                canvas, line, foot - tall * (0.58 if scene.season != "winter" else 0.3), snow
            )


def _range(canvas: Canvas, foot: float, tall: float) -> list[Point]:
    """Return a rough outline of peaks above a common foot."""
    peaks = [
        (canvas.rng.uniform(-0.05, 1.05), tall * canvas.rng.uniform(0.55, 1))
        for _ in range(canvas.rng.randint(4, 6))
    ]
    slope = tall * canvas.rng.uniform(3.2, 4.4)
    rough = canvas.ridge(0, 0.1 * tall)
    return [
        (x, min(foot - high + slope * abs(x - at) for at, high in peaks) + dy) for x, dy in rough
    ]


def _snow_caps(
    canvas: Canvas, line: Sequence[Point], limit: float, colour: tuple[int, int, int]
) -> None:
    jagged = [limit + canvas.rng.uniform(-0.012, 0.012) for _ in line]
    edge = [(x, max(y, low)) for (x, y), low in zip(line, jagged, strict=True)]
    canvas.area([*line, *reversed(edge)], colour, opacity=0.9)


def hills(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint rolling ground from the horizon to the bottom edge."""
    haze = palette.sky[-1]
    for index in range(4):
        level = layout.horizon + 0.02 + index * 0.115
        line = canvas.ridge(level, 0.05 + 0.014 * index, points=65)
        near = mix(palette.near, palette.foliage, index / 5)
        colour = mix(mix(palette.far, haze, 0.2), near, 0.3 + 0.22 * index)
        canvas.area(
            below(line),
            (mix(colour, palette.sun, 0.2), colour, mix(colour, palette.dark, 0.3)),
            top=level - 0.05,
            bottom=level + 0.22,
        )
        _bushes(canvas, line, mix(colour, palette.dark, 0.22), 0.012 + 0.007 * index)


def _bushes(
    canvas: Canvas, line: Sequence[Point], colour: tuple[int, int, int], size: float
) -> None:
    """Paint groups of round trees along a ridge."""

    def draw(pen: Pen) -> None:
        for _ in range(canvas.rng.randint(2, 4)):
            middle = canvas.rng.random()
            for _ in range(canvas.rng.randint(2, 6)):
                x = middle + canvas.rng.gauss(0, 0.03)
                tall = size * canvas.rng.uniform(0.7, 1.3)
                foot = height_at(line, x) + size * 0.2
                pen.rectangle(
                    (
                        x - tall * 0.08 * canvas.aspect,
                        foot - tall,
                        x + tall * 0.08 * canvas.aspect,
                        foot,
                    )
                )
                pen.ellipse((x, foot - tall * 1.3), tall * 0.7 * canvas.aspect, tall * 0.85)

    canvas.layer(draw, colour)


def forest(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint rows of firs with mist between them, the nearest row darkest."""
    haze = palette.sky[-1]
    for index in range(4):
        level = layout.horizon + 0.03 + index * 0.11
        line = canvas.ridge(level, 0.03, points=65)
        colour = mix(
            mix(haze, palette.far, 0.4),
            mix(palette.foliage, palette.dark, 0.14 * index),
            0.32 + 0.22 * index,
        )
        tall = 0.07 + 0.055 * index

        def draw(
            pen: Pen, line: Sequence[Point] = line, tall: float = tall, index: int = index
        ) -> None:
            pen.polygon(below(line))
            for _ in range(46 - 9 * index):
                x = canvas.rng.random()
                _fir(
                    pen,
                    canvas,
                    (x, height_at(line, x) + 0.012),
                    tall * canvas.rng.uniform(0.6, 1.15),
                )

        canvas.layer(draw, (colour, mix(colour, haze, 0.3)), top=level - tall, bottom=level + 0.16)


def _fir(pen: Pen, canvas: Canvas, foot: Point, tall: float) -> None:
    """Draw a fir: three tiers over a trunk."""
    x, y = foot
    for part, wide in ((0.0, 0.36), (0.27, 0.28), (0.52, 0.2)):
        half = tall * wide * canvas.aspect * 0.62
        low = y - tall * (part + 0.08)
        pen.polygon([(x - half, low), (x + half, low), (x, low - tall * 0.44)])
    pen.rectangle(
        (
            x - tall * 0.03 * canvas.aspect,
            y - tall * 0.12,
            x + tall * 0.03 * canvas.aspect,
            y + 0.01,
        )
    )


def desert(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint dunes, each with a lit and a shaded side, and a few cacti."""
    for index in range(4):
        level = layout.horizon + 0.02 + index * 0.11
        line = canvas.ridge(level, 0.05 + 0.01 * index, points=9)
        sand = mix(mix(palette.sand, palette.sky[-1], 0.4), palette.sand, 0.25 + 0.25 * index)
        shaded = mix(sand, palette.dark, 0.22)
        canvas.area(
            below(line),
            (mix(sand, palette.sun, 0.3), sand, shaded),
            top=level - 0.05,
            bottom=level + 0.24,
        )
        tops = [(x, y + 0.004) for x, y in line]
        slopes = [(x + 0.05, y + 0.07 + 0.03 * index) for x, y in reversed(line)]
        canvas.area([*tops, *slopes], shaded, blur=0.012, opacity=0.35)
    for _ in range(3):
        foot = canvas.rng.uniform(0.08, 0.92), canvas.rng.uniform(0.76, 0.92)
        canvas.layer(
            _cactus(foot, 0.16 * foot[1] * canvas.rng.uniform(0.7, 1.1), canvas.aspect),
            mix((64, 116, 70), palette.dark, 0.25),
        )


def _cactus(foot: Point, tall: float, aspect: float) -> Callable[[Pen], None]:
    """Return a drawing of a cactus with two arms."""
    (x, y), thick = foot, 0.2 * tall

    def draw(pen: Pen) -> None:
        pen.line([(x, y), (x, y - tall)], thick * aspect)
        pen.ellipse((x, y - tall), thick / 2 * aspect, thick / 2)
        for side, low in ((-1, 0.4), (1, 0.55)):
            out = x + side * 0.32 * tall * aspect
            bend, top = y - low * tall, y - (low + 0.3) * tall
            pen.line([(x, bend), (out, bend)], 0.6 * thick)
            pen.line([(out, bend + 0.3 * thick), (out, top)], 0.6 * thick * aspect)
            pen.ellipse((out, top), 0.3 * thick * aspect, 0.3 * thick)

    return draw


def town(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint rows of small houses with gables, on a slope above water."""
    top = layout.horizon - 0.1
    slope = mix(palette.far, palette.near, 0.4)
    canvas.area(
        below(canvas.ridge(top, 0.02, points=33)),
        (mix(slope, palette.sky[-1], 0.3), slope),
        top=top,
        bottom=top + 0.12,
    )
    if not scene.places & {"sea", "lake"}:
        hills(canvas, scene, palette, layout)
    lit = palette.window if scene.light != "day" else mix(palette.dark, palette.sky[0], 0.4)
    roof_colour = (244, 246, 250) if scene.season == "winter" else (158, 74, 56)
    for index in range(3):
        foot = layout.horizon - 0.07 + 0.042 * index
        x = canvas.rng.uniform(-0.05, 0)
        while x < 1:
            wide, tall = canvas.rng.uniform(0.055, 0.085), canvas.rng.uniform(0.035, 0.06)
            if canvas.rng.random() < 0.75 + 0.1 * index:
                wall = mix(canvas.rng.choice(_WALLS), palette.sky[-1], 0.3 - 0.1 * index)
                wall = mix(wall, palette.dark, 0.7 if scene.light == "night" else 0.12)
                roof = mix(roof_colour, palette.dark, 0.25)
                _gabled(canvas, (x, foot), (wide, tall), (wall, roof, lit))
            x += wide * canvas.rng.uniform(0.98, 1.25)


_WALLS: tuple[Colour, ...] = ((244, 236, 220), (226, 190, 140), (206, 138, 112), (188, 204, 208))


def _gabled(
    canvas: Canvas, foot: Point, size: Point, colours: tuple[Colour, Colour, Colour]
) -> None:
    """Paint a small house, its lower left corner at `foot`, in the colors of wall, roof and
    window."""
    (x, y), (wide, tall), (wall, roof, lit) = foot, size, colours
    canvas.layer(lambda pen: pen.rectangle((x, y - tall, x + wide, y + 0.012)), wall)
    eaves = y - tall
    canvas.area(
        [(x - 0.006, eaves), (x + wide + 0.006, eaves), (x + wide / 2, eaves - 0.55 * wide)], roof
    )

    def panes(pen: Pen) -> None:
        for part in (0.28, 0.72):
            middle = x + part * wide
            pen.rectangle((middle - 0.007, y - 0.75 * tall, middle + 0.007, y - 0.4 * tall))

    canvas.layer(panes, lit)


def city(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint rows of houses with lit windows."""
    glowing = scene.light in ("night", "sunset", "grey")
    for index in range(3):
        ground = layout.horizon + 0.06 + index * 0.1
        towers = _towers(canvas, ground, 0.34 - 0.06 * index)
        colour = mix(mix(palette.sky[-1], palette.far, 0.6), palette.dark, 0.25 + 0.3 * index)

        def walls(pen: Pen, towers: Sequence[tuple[float, float, float]] = towers) -> None:
            for left, right, top in towers:
                pen.rectangle((left, top, right, 1))

        canvas.layer(
            walls,
            (colour, mix(colour, palette.sky[-1], 0.25)),
            top=ground - 0.35,
            bottom=ground + 0.1,
        )
        lit = palette.window if glowing else mix(colour, (255, 255, 255), 0.35)
        canvas.layer(_windows(canvas, towers, ground, index), lit, opacity=0.9 if glowing else 0.5)


def _towers(canvas: Canvas, ground: float, reach: float) -> list[tuple[float, float, float]]:
    towers: list[tuple[float, float, float]] = []
    x = -0.03
    while x < 1:
        wide = canvas.rng.uniform(0.05, 0.12)
        towers.append((x, x + wide, ground - reach * canvas.rng.random() ** 1.5 - 0.05))
        x += wide + canvas.rng.choice((0.0, 0.0, 0.008))
    return towers


def _windows(
    canvas: Canvas, towers: Sequence[tuple[float, float, float]], ground: float, index: int
) -> Callable[[Pen], None]:
    pane = 0.007 + 0.003 * index

    def draw(pen: Pen) -> None:
        for left, right, top in towers:
            columns = max(1, int((right - left) / (pane * 2.1 * canvas.aspect)) - 1)
            rows = int((ground + 0.05 - top) / (pane * 2.4))
            for column in range(columns):
                x = left + (column + 0.9) * (right - left) / (columns + 0.8)
                for row in range(rows):
                    if canvas.rng.random() < 0.42:
                        y = top + (row + 0.8) * pane * 2.4
                        pen.rectangle(
                            (x, y, x + pane * canvas.aspect, y + pane * 1.3),
                            canvas.rng.randint(120, 255),
                        )

    return draw
