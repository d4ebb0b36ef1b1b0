"""A canvas for soft layers. Shapes are drawn as masks at twice the size to smooth their edges.

Colors for each light and season.
"""

from __future__ import annotations

import colorsys
import functools
import itertools
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from comfyui_standin.painter.words import Colour, Light, Scene, Season

Point = tuple[float, float]
Rectangle = tuple[float, float, float, float]
_OVERSAMPLING = 2
Run = tuple[int, int, int]  # a row, and where pixels begin and end in it
_SIDE, _GROUND_WIDE = 192, 184  # of the small image that a subject is found in
_CALM, _OTHER = 10, 24  # steps of a color: between neighbors, and from the sides
_MIDDLE = 120  # how far from the center a color of the sides may be
_SMALL = 12  # areas that are as many times smaller than the largest one don't count
_GLOW = Image.radial_gradient("L").point([255 - value for value in range(256)])
_FOLIAGE: dict[Season, tuple[Colour, float]] = {
    "summer": ((70, 130, 60), 0.0),
    "autumn": ((206, 104, 38), 0.6),
    "winter": ((226, 234, 244), 0.62),
    "spring": ((244, 160, 190), 0.72),
}
_GROUND: dict[Season, tuple[Colour, float]] = {
    "summer": ((86, 140, 70), 0.0),
    "autumn": ((160, 112, 52), 0.35),
    "winter": ((236, 242, 250), 0.8),
    "spring": ((130, 176, 84), 0.3),
}
# The colors of the sky from top to bottom, and the other colors in the palette's order.
_LIGHTS: dict[Light, tuple[str, str]] = {
    "day": (
        "2e76c4 6eb0e8 c4e2f4 f0f4ec",
        "fffae2 ffffff 8caece 4a7856 3a703e 2a74a0 e2c692 5c7086 24363e",
    ),
    "sunset": (
        "2c265c 803a76 e25e58 fc9e54 ffd684",
        "ffecb4 ff9e80 a85a7a 3e264e 34283e 743e6e ce885c ffce70 201630",
    ),
    "dawn": (
        "708cc8 b4b0d8 f4c4c8 fee0c4",
        "fff2d6 ffe2e0 b0a8c8 5c6880 526e68 8698c0 e2c4b0 ffdea0 3a3e5c",
    ),
    "night": (
        "080a22 121842 263268 48548a",
        "eef0f8 546292 283462 101632 0e1a2e 14204c 4a4a6e ffd676 060a1a",
    ),
    "grey": (
        "566272 808c98 b2babe ced0cc",
        "e8eae6 d6dadc 96a2aa 48565a 3c5048 5c6c76 a8a092 f6d694 283038",
    ),
}


def mix(first: Colour, second: Colour, amount: float) -> Colour:
    """Return the color at `amount` (0 … 1) between the first and the second."""
    blended = (round(one + (two - one) * amount) for one, two in zip(first, second, strict=True))
    red, green, blue = blended
    return red, green, blue


def gradient(size: tuple[int, int], stops: Sequence[Colour]) -> Image.Image:
    """Return an image with colors from top to bottom at equal distances."""
    column = Image.new("RGB", (1, len(stops)))
    column.putdata(list(stops))
    # Resizing puts the stops at pixel centers. Cutting half a stop off both ends makes the image
    # start and end with them.
    box = (0, 0.5, 1, len(stops) - 0.5) if len(stops) > 1 else None
    return column.resize(size, Image.Resampling.BILINEAR, box=box)


def spot(size: tuple[int, int], reach: int = 150) -> Image.Image:
    """Return a mask of the middle of an image."""
    faded = Image.radial_gradient("L").resize(size)
    return faded.point([max(0, min(255, 6 * (reach - level))) for level in range(256)])


def subject(image: Image.Image) -> Image.Image:
    """Return a mask of the subject: what isn't calm up to the left, right or upper edge, and is in
    the middle or has other colors than the two sides. Its edge is as fine as the image's."""
    known: Image.Image | None = image.info.get("subject")  # of what was cut out before
    if known and known.width * image.height == known.height * image.width:
        return known.resize(image.size)
    whole = image.convert("RGB")
    small = whole.resize((_SIDE, _SIDE), Image.Resampling.BOX)
    lowest, highest = small.filter(ImageFilter.MinFilter(3)), small.filter(ImageFilter.MaxFilter(3))
    step = ImageChops.difference(lowest, highest)
    calm = _strongest(step).point([255 * (level < _CALM) for level in range(256)])
    sides = between_sides(small)
    far = _strongest(ImageChops.difference(small, sides))
    behind = _drawn(one for one in _areas(calm) if any(map(_is_outer, one)))
    found = far.point([255 * (level >= _OTHER) for level in range(256)])
    found = functools.reduce(ImageChops.lighter, (found, calm, spot(found.size, _MIDDLE)))
    found = ImageChops.subtract(found, behind.filter(ImageFilter.MaxFilter(5)))
    found = found.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.MaxFilter(3))  # no lines
    near = found.filter(ImageFilter.BoxBlur(5)).point([0] + [255] * 255)  # joins what is close
    areas = _areas(near)
    least = max(map(_size, areas), default=0) / _SMALL
    cut = ImageChops.darker(found, _drawn(one for one in areas if _size(one) > least))
    holes = (one for one in _areas(ImageChops.invert(cut)) if not any(map(_is_outer, one)))
    cut = ImageChops.lighter(cut, _drawn(holes))
    if not cut.getbbox():
        return spot(image.size)
    wide, core = cut.filter(ImageFilter.MaxFilter(7)), cut.filter(ImageFilter.MinFilter(5))
    small.putalpha(ImageChops.invert(wide))  # the colors around, as they go on into the subject
    around = small.convert("RGBa").filter(ImageFilter.BoxBlur(5)).convert("RGBA").convert("RGB")
    steps = (ImageChops.difference(whole, one.resize(whole.size)) for one in (around, sides))
    fine = ImageChops.darker(*map(_strongest, steps)).point(
        [max(0, min(255, 10 * (level - 16))) for level in range(256)]
    )
    wide, core = (
        one.resize(whole.size).point([255 * (level > 127) for level in range(256)])
        for one in (wide, core)
    )
    return ImageChops.lighter(core, ImageChops.darker(fine, wide))


def on_white(image: Image.Image, mask: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, (255, 255, 255))
    cut = Image.composite(image.convert("RGB"), white, mask.resize(image.size))
    cut.info["subject"] = mask.resize(image.size)
    return cut


def _strongest(image: Image.Image) -> Image.Image:
    return functools.reduce(ImageChops.lighter, image.split())


def between_sides(image: Image.Image) -> Image.Image:
    """Return an image that goes from the mean color at the left to that at the right, by row."""
    wide, (width, height) = max(1, image.width // 6), image.size
    pair = Image.new("RGB", (2, height))
    for at, left in enumerate((0, width - wide)):
        side = image.crop((left, 0, left + wide, height))
        pair.paste(side.resize((1, height), Image.Resampling.BOX), (at, 0))
    return pair.resize(image.size, Image.Resampling.BILINEAR)


def without(image: Image.Image, mask: Image.Image) -> Image.Image:
    """Return an image whose masked subject, a little wider, is filled from both sides."""
    wider = mask.filter(ImageFilter.BoxBlur(max(mask.size) // 60))
    wider = wider.point([min(255, 12 * level) for level in range(256)])
    return Image.composite(between_sides(image), image, wider)


def _areas(mask: Image.Image) -> list[list[Run]]:
    """Return the connected areas of a mask, as runs of pixels in rows."""
    data, wide = mask.tobytes(), mask.width
    area_of: dict[Run, list[Run]] = {}
    above: list[Run] = []
    for y in range(mask.height):
        line = data[y * wide : (y + 1) * wide]
        row = [(y, *match.span()) for match in re.finditer(b"\xff+", line)]
        for run in row:
            area_of[run] = [run]
            for other in above:
                touches = other[1] < run[2] and run[1] < other[2]
                if touches and area_of[other] is not area_of[run]:
                    less, more = sorted((area_of[other], area_of[run]), key=len)
                    more += less
                    area_of |= dict.fromkeys(less, more)
        above = row
    return list({id(area): area for area in area_of.values()}.values())


def _drawn(areas: Iterable[list[Run]]) -> Image.Image:
    mask = Image.new("L", (_SIDE, _SIDE))
    for y, left, right in itertools.chain.from_iterable(areas):
        mask.paste(255, (left, y, right, y + 1))
    return mask


def _size(area: list[Run]) -> int:
    return sum(right - left for _, left, right in area)


def _is_outer(run: Run) -> bool:
    """Return whether a run is at an edge. At the lower one, only ground is as wide."""
    y, left, right = run
    return y == 0 or left == 0 or right == _SIDE or (y == _SIDE - 1 and right - left > _GROUND_WIDE)


class Pen:
    """Drawing tool for a mask. Coordinates run from 0 to 1, with y pointing down."""

    def __init__(self, mask: Image.Image) -> None:
        self._draw = ImageDraw.Draw(mask)
        self._width, self._height = mask.size

    def _at(self, point: Point) -> Point:
        return point[0] * self._width, point[1] * self._height

    def polygon(self, points: Iterable[Point]) -> None:
        self._draw.polygon([self._at(point) for point in points], fill=255)

    def ellipse(self, centre: Point, rx: float, ry: float, strength: int = 255) -> None:
        """Draw an ellipse. The radii are fractions of the width and the height."""
        x, y = centre
        self._draw.ellipse(
            (*self._at((x - rx, y - ry)), *self._at((x + rx, y + ry))), fill=strength
        )

    def rectangle(self, box: Rectangle, strength: int = 255) -> None:
        """Draw a filled rectangle, or nothing if its sides are reversed."""
        left, top, right, bottom = box
        if right > left and bottom > top:
            self._draw.rectangle(
                (*self._at((left, top)), *self._at((right, bottom))), fill=strength
            )

    def line(self, points: Iterable[Point], width: float, strength: int = 255) -> None:
        """Draw a line whose width is a fraction of the height."""
        pixels = max(1, round(width * self._height))
        self._draw.line(
            [self._at(point) for point in points], fill=strength, width=pixels, joint="curve"
        )


@dataclass(slots=True)
class Canvas:
    """The image being painted, and its random generator."""

    image: Image.Image
    rng: random.Random

    @property
    def size(self) -> tuple[int, int]:
        """Return the width and height in pixels."""
        return self.image.size

    @property
    def aspect(self) -> float:
        """Return height ÷ width, which converts a fraction of the height to a fraction of the
        width."""
        return self.image.height / self.image.width

    def frame(self, centre: Point, size: float) -> Callable[[float, float], Point]:
        """Return a function that places the points of a thing of this size, a fraction of the
        height, around a center."""
        x, y = centre
        return lambda dx, dy: (x + dx * size * self.aspect, y + dy * size)

    def layer(
        self,
        draw: Callable[[Pen], None],
        colours: Colour | Sequence[Colour],
        *,
        blur: float = 0.0,
        **options: float,
    ) -> None:
        """Paint a shape. `options`: as for `paint`."""
        self.paint(self.mask(draw, blur=blur), colours, **options)

    def area(
        self, outline: Sequence[Point], colours: Colour | Sequence[Colour], **options: float
    ) -> None:
        """Paint the inside of an outline. `options`: as for `layer`."""
        self.layer(lambda pen: pen.polygon(outline), colours, **options)

    def mask(self, draw: Callable[[Pen], None], *, blur: float = 0.0) -> Image.Image:
        """Return a smooth mask of the shape, as large as the image."""
        width, height = self.size
        mask = Image.new("L", (width * _OVERSAMPLING, height * _OVERSAMPLING), 0)
        draw(Pen(mask))
        mask = mask.reduce(_OVERSAMPLING)
        return mask.filter(ImageFilter.BoxBlur(blur * height)) if blur > 0 else mask

    def paint(
        self,
        mask: Image.Image,
        colours: Colour | Sequence[Colour],
        *,
        top: float = 0.0,
        bottom: float = 1.0,
        opacity: float = 1.0,
    ) -> None:
        """Paint a mask in one color, or in a gradient between the heights `top` and `bottom`."""
        width, height = self.size
        if opacity < 1:
            mask = mask.point([round(value * opacity) for value in range(256)])
        stops = _stops(colours)
        if len(stops) == 1:
            self.image.paste(stops[0], (0, 0, width, height), mask)
            return
        first, last = round(top * height), max(round(top * height) + 1, round(bottom * height))
        coloured = Image.new("RGB", (width, height), stops[-1])
        coloured.paste(stops[0], (0, 0, width, max(0, first)))
        coloured.paste(gradient((width, last - first), stops), (0, first))
        self.image.paste(coloured, (0, 0), mask)

    def glow(self, centre: Point, radius: float, colour: Colour, strength: float) -> None:
        """Paint a glow around a point. The radius is a fraction of the height."""
        width, height = self.size
        side = max(2, round(2 * radius * height))
        light = _GLOW.resize((side, side), Image.Resampling.BILINEAR).point(
            [round(255 * strength * (value / 255) ** 2.2) for value in range(256)]
        )
        corner = round(centre[0] * width - side / 2), round(centre[1] * height - side / 2)
        self.image.paste(Image.new("RGB", (side, side), colour), corner, light)

    def ridge(self, level: float, roughness: float, *, points: int = 129) -> list[Point]:
        """Return a line of hills from edge to edge around a height, by midpoint displacement."""
        heights = [0.0] * points
        heights[0], heights[-1] = self.rng.uniform(-1, 1), self.rng.uniform(-1, 1)
        step, swing = points - 1, 1.0
        while step > 1:
            half = step // 2
            for middle in range(half, points, step):
                average = (heights[middle - half] + heights[middle + half]) / 2
                heights[middle] = average + self.rng.uniform(-swing, swing)
            step, swing = half, swing * 0.5
        return [
            (index / (points - 1), level + height * roughness)
            for index, height in enumerate(heights)
        ]

    def cloud_mask(self, cells: int, cover: float, *, stretch: float = 2.5) -> Image.Image:
        """Return a mask of soft patches: noise of several sizes, clipped so that `cover` (0 … 1) of
        it remains."""
        width, height = self.size
        total: Image.Image | None = None
        for octave in range(3):
            columns = max(2, round(cells * 2**octave))
            rows = max(2, round(columns * stretch * height / width))
            grain = Image.frombytes("L", (columns, rows), self.rng.randbytes(columns * rows))
            part = grain.resize((width // 2, height // 2), Image.Resampling.BICUBIC)
            total = part if total is None else Image.blend(total, part, 0.36)
        assert total is not None
        floor = 255 * (1 - cover)
        cut = total.point([max(0, min(255, round((value - floor) * 3.2))) for value in range(256)])
        return cut.resize((width, height), Image.Resampling.BILINEAR)


def _stops(colours: Colour | Sequence[Colour]) -> list[Colour]:
    if isinstance(colours[0], int):
        return [cast(Colour, colours)]
    return list(cast(Sequence[Colour], colours))


def below(line: Sequence[Point]) -> list[Point]:
    """Return the outline of the area below a line."""
    return [(0.0, 1.2), *line, (1.0, 1.2)]


def height_at(line: Sequence[Point], x: float) -> float:
    """Return the height of a ridge at this x position."""
    return line[max(0, min(len(line) - 1, round(x * (len(line) - 1))))][1]


@dataclass(frozen=True, slots=True)
class Palette:
    """Colors of a landscape in one light."""

    sky: tuple[Colour, ...]
    sun: Colour
    cloud: Colour
    far: Colour
    near: Colour
    foliage: Colour
    water: Colour
    sand: Colour
    window: Colour
    dark: Colour


def _colours(text: str) -> tuple[Colour, ...]:
    return tuple((code[0], code[1], code[2]) for code in map(bytes.fromhex, text.split()))


def palette_of(scene: Scene) -> Palette:
    """Return the light's colors, adjusted for the season, color words and the mood of unknown
    words."""
    sky, others = map(_colours, _LIGHTS[scene.light])
    palette = Palette(sky, *others)
    leaf, leaf_amount = _FOLIAGE[scene.season]
    ground, ground_amount = _GROUND[scene.season]
    palette = replace(
        palette,
        foliage=mix(palette.foliage, leaf, leaf_amount),
        near=mix(palette.near, ground, ground_amount),
        far=mix(palette.far, ground, ground_amount * 0.5),
    )
    turn = (scene.mood % 1000 / 1000 - 0.5) * 0.07
    palette = replace(
        palette,
        sky=tuple(_turned(colour, turn) for colour in palette.sky),
        far=_turned(palette.far, turn),
        near=_turned(palette.near, turn),
        water=_turned(palette.water, turn),
    )
    if scene.accents:
        accent = scene.accents[0]
        middle = len(palette.sky) // 2
        tinted = tuple(
            mix(colour, accent, 0.34 if place >= middle else 0.14)
            for place, colour in enumerate(palette.sky)
        )
        palette = replace(palette, sky=tinted, far=mix(palette.far, accent, 0.22))
    return palette


def _turned(colour: Colour, turn: float) -> Colour:
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    red, green, blue = colorsys.hls_to_rgb((hue + turn) % 1, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)
