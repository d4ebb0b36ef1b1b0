"""Sky, ground and water: sun, moon, stars, clouds and weather; mountains, deserts, forests and
cities; a rippled mirror and a shore. The layout of the scene is here, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageOps

from comfyui_standin.painter.canvas import (
    Canvas,
    Palette,
    Pen,
    Point,
    below,
    gradient,
    height_at,
    mix,
)
from comfyui_standin.painter.words import Colour, Scene

_WALLS: tuple[Colour, ...] = ((244, 236, 220), (226, 190, 140), (206, 138, 112), (188, 204, 208))


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
        sun_or_moon(canvas, scene, palette, layout)
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


def sun_or_moon(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint the sun, or the moon at night, and its glow."""
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
    planet(canvas, centre, canvas.rng.uniform(0.13, 0.2), scene.accent(palette.sand))


def planet(canvas: Canvas, at: Point, size: float, colour: Colour) -> None:
    """Paint a banded planet, lit from one side, inside its ring."""
    width, height = canvas.size
    globe = canvas.mask(lambda pen: pen.ellipse(at, size * canvas.aspect, size))
    bands = [
        mix(colour, canvas.rng.choice(((255, 240, 220), (90, 60, 70))), canvas.rng.uniform(0, 0.4))
        for _ in range(9)
    ]
    canvas.paint(globe, bands, top=at[1] - size, bottom=at[1] + size)
    lit = at[0] - 0.3 * size * canvas.aspect, at[1] - 0.25 * size
    shade = canvas.mask(lambda pen: pen.ellipse(lit, size * canvas.aspect, size), blur=0.03)
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
            x, y = canvas.rng.uniform(-0.05, 1.05), canvas.rng.random()
            long = canvas.rng.uniform(0.02, 0.06)
            pen.line([(x, y), (x - long * 0.22, y + long)], 0.0014, canvas.rng.randint(50, 150))

    canvas.layer(draw, (224, 232, 240), opacity=0.6)


def snowfall(canvas: Canvas) -> None:
    """Paint snowflakes at several distances."""

    def draw(pen: Pen) -> None:
        for _ in range(210):
            size = canvas.rng.choice((0.002, 0.003, 0.004, 0.007))
            spot = canvas.rng.random(), canvas.rng.random()
            pen.ellipse(spot, size * canvas.aspect, size, canvas.rng.randint(90, 240))

    canvas.layer(draw, (255, 255, 255), blur=0.001)


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


def _snow_caps(canvas: Canvas, line: Sequence[Point], limit: float, colour: Colour) -> None:
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


def _bushes(canvas: Canvas, line: Sequence[Point], colour: Colour, size: float) -> None:
    """Paint groups of round trees along a ridge."""

    def draw(pen: Pen) -> None:
        for _ in range(canvas.rng.randint(2, 4)):
            middle = canvas.rng.random()
            for _ in range(canvas.rng.randint(2, 6)):
                x = middle + canvas.rng.gauss(0, 0.03)
                tall = size * canvas.rng.uniform(0.7, 1.3)
                foot, half = height_at(line, x) + size * 0.2, tall * 0.08 * canvas.aspect
                pen.rectangle((x - half, foot - tall, x + half, foot))
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
                foot = x, height_at(line, x) + 0.012
                _fir(pen, canvas, foot, tall * canvas.rng.uniform(0.6, 1.15))

        canvas.layer(draw, (colour, mix(colour, haze, 0.3)), top=level - tall, bottom=level + 0.16)


def _fir(pen: Pen, canvas: Canvas, foot: Point, tall: float) -> None:
    """Draw a fir: three tiers over a trunk."""
    x, y = foot
    for part, wide in ((0.0, 0.36), (0.27, 0.28), (0.52, 0.2)):
        half = tall * wide * canvas.aspect * 0.62
        low = y - tall * (part + 0.08)
        pen.polygon([(x - half, low), (x + half, low), (x, low - tall * 0.44)])
    half = tall * 0.03 * canvas.aspect
    pen.rectangle((x - half, y - tall * 0.12, x + half, y + 0.01))


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


def canyon(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint walls of rock at both sides of a sandy path."""
    rock = mix(palette.sand, (176, 96, 60), 0.4)
    ground = layout.horizon + 0.06
    canvas.layer(
        lambda pen: pen.rectangle((0, ground, 1, 1)),
        (mix(palette.sand, rock, 0.3), palette.sand),
        top=ground,
    )
    for index, reach in enumerate((0.44, 0.34, 0.2)):
        colour = mix(mix(rock, palette.sky[-1], 0.3 - 0.15 * index), palette.dark, 0.1 * index)
        for side in (0, 1):
            ridge = canvas.ridge(reach, 0.05, points=17)
            foot = ground + 0.12 * index
            wall = [(abs(side - x + 0.12 * (y - 0.5)), y * foot) for y, x in ridge]
            canvas.area(
                [(side, -0.1), *wall, (side, foot + 0.14)],
                (mix(colour, palette.sun, 0.25), colour, mix(colour, palette.dark, 0.35)),
            )


def room(canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a room with a floor of boards and a wide window to the sky."""
    night = 0.45 if scene.light == "night" else 0.0
    wall = mix(scene.accent((232, 220, 200)), (238, 228, 212), 0.6)
    wood = mix((170, 118, 74), palette.dark, night)
    floor = layout.horizon + 0.08
    frame = mix(wood, palette.dark, 0.3)
    canvas.layer(lambda pen: pen.rectangle((0, 0, 1, floor)), mix(wall, palette.dark, night))

    def panes(pen: Pen, rim: float = 0.0) -> None:
        for left in (0.1, 0.225, 0.38, 0.505, 0.66, 0.785):
            pen.rectangle((left - rim, 0.1 - rim, left + 0.118 + rim, floor - 0.14 + rim))

    canvas.layer(lambda pen: panes(pen, 0.01), frame)
    canvas.layer(panes, palette.sky, top=0.1, bottom=floor)
    canvas.layer(
        lambda pen: pen.rectangle((0, floor, 1, 1)),
        (mix(wood, palette.dark, 0.2), mix(wood, palette.sun, 0.25)),
        top=floor,
    )

    def boards(pen: Pen) -> None:
        for part in range(-12, 13):
            pen.line([(0.5 + part * 0.07, floor), (0.5 + part * 0.2, 1)], 0.003)

    canvas.layer(boards, mix(wood, palette.dark, 0.45), opacity=0.7)


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
    line = [(x, 0.93 + 0.1 * (x if left else 1 - x) + dy) for x, dy in canvas.ridge(0, 0.012)]
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
