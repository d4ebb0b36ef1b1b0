"""A canvas for soft layers: shapes are drawn as masks at twice the size, so that their edges come
out smooth."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Point = tuple[float, float]
Rectangle = tuple[float, float, float, float]

_OVERSAMPLING = 2


def mix(first: Colour, second: Colour, amount: float) -> Colour:
    """The colour `amount` (0 … 1) of the way from the first to the second."""
    blended = (round(one + (two - one) * amount) for one, two in zip(first, second, strict=True))
    red, green, blue = blended
    return red, green, blue


def gradient(size: tuple[int, int], stops: Sequence[Colour]) -> Image.Image:
    """Colours from top to bottom at even distances."""
    column = Image.new("RGB", (1, len(stops)))
    column.putdata(list(stops))
    # Resizing puts the stops at pixel centres; cutting half a stop off both ends starts and ends
    # with them.
    box = (0, 0.5, 1, len(stops) - 0.5) if len(stops) > 1 else None
    return column.resize(size, Image.Resampling.BILINEAR, box=box)


class Pen:
    """Draws into a mask with coordinates from 0 to 1, y downwards."""

    def __init__(self, mask: Image.Image) -> None:
        self._draw = ImageDraw.Draw(mask)
        self._width, self._height = mask.size

    def _at(self, point: Point) -> Point:
        return point[0] * self._width, point[1] * self._height

    def polygon(self, points: Iterable[Point], strength: int = 255) -> None:
        """A filled polygon."""
        self._draw.polygon([self._at(point) for point in points], fill=strength)

    def ellipse(self, centre: Point, rx: float, ry: float, strength: int = 255) -> None:
        """An ellipse; the radii are parts of the width and the height."""
        x, y = centre
        self._draw.ellipse(
            (*self._at((x - rx, y - ry)), *self._at((x + rx, y + ry))), fill=strength
        )

    def dots(self, places: Iterable[Point], rx: float, ry: float, strength: int = 255) -> None:
        """Draw the same ellipse at several points."""
        for place in places:
            self.ellipse(place, rx, ry, strength)

    def rectangle(self, box: Rectangle, strength: int = 255) -> None:
        """A filled rectangle; nothing if its sides are the wrong way round."""
        left, top, right, bottom = box
        if right > left and bottom > top:
            self._draw.rectangle(
                (*self._at((left, top)), *self._at((right, bottom))), fill=strength
            )

    def line(self, points: Iterable[Point], width: float, strength: int = 255) -> None:
        """A line as wide as this part of the height."""
        pixels = max(1, round(width * self._height))
        self._draw.line(
            [self._at(point) for point in points], fill=strength, width=pixels, joint="curve"
        )


@dataclass(slots=True)
class Canvas:
    """The image being painted, and its dice."""

    image: Image.Image
    rng: random.Random

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.size

    @property
    def aspect(self) -> float:
        """Height ÷ width: what turns a part of the height into a part of the width."""
        return self.image.height / self.image.width

    def layer(
        self,
        draw: Callable[[Pen], None],
        colours: Colour | Sequence[Colour],
        *,
        top: float = 0.0,
        bottom: float = 1.0,
        blur: float = 0.0,
        opacity: float = 1.0,
    ) -> None:
        """Paint a shape in one colour, or in a gradient running between the heights `top` and
        `bottom`."""
        mask = self.mask(draw, blur=blur)
        self.paint(mask, colours, top=top, bottom=bottom, opacity=opacity)

    def area(
        self,
        outline: Sequence[Point],
        colours: Colour | Sequence[Colour],
        *,
        top: float = 0.0,
        bottom: float = 1.0,
        blur: float = 0.0,
        opacity: float = 1.0,
    ) -> None:
        """Paint what lies within an outline."""
        self.layer(
            lambda pen: pen.polygon(outline),
            colours,
            top=top,
            bottom=bottom,
            blur=blur,
            opacity=opacity,
        )

    def mask(self, draw: Callable[[Pen], None], *, blur: float = 0.0) -> Image.Image:
        """The shape alone, smooth and as large as the image."""
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
        """Let colour through a mask."""
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
        """Light around a point; the radius is a part of the height."""
        width, height = self.size
        side = max(2, round(2 * radius * height))
        light = _GLOW.resize((side, side), Image.Resampling.BILINEAR).point(
            [round(255 * strength * (value / 255) ** 2.2) for value in range(256)]
        )
        place = round(centre[0] * width - side / 2), round(centre[1] * height - side / 2)
        self.image.paste(Image.new("RGB", (side, side), colour), place, light)

    def ridge(self, level: float, roughness: float, *, points: int = 129) -> list[Point]:
        """A line of hills from edge to edge around a height: midpoint displacement."""
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
        """Soft patches: noise of several sizes, cut off so that `cover` (0 … 1) of it remains."""
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
    """The area under a line."""
    return [(0.0, 1.2), *line, (1.0, 1.2)]


def height_at(line: Sequence[Point], x: float) -> float:
    """Return the height of a ridge at this x."""
    return line[max(0, min(len(line) - 1, round(x * (len(line) - 1))))][1]


_GLOW = Image.radial_gradient("L").point([255 - value for value in range(256)])
