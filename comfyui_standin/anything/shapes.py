"""3D models and drawings of a picture, as files."""

from __future__ import annotations

import io
import itertools
import json
import struct
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter, ImageStat

from comfyui_standin.painter.canvas import subject

_POINTS, _HIGH, _DEEP = 64, 0.14, 0.28  # of a model: points on each side, and its two heights
_WHOLE = 150  # a subject with a higher mean fills its picture
_FINE, _COLORS = 320, 12  # of a drawing: the longer side's cells, and its flat colors
_SCENE = Path(__file__).with_name("model.json")
DEMO = "Made by a demo server without models"


def solid(picture: Image.Image) -> bytes:
    """Return a picture's subject as a round body, in binary glTF. What is bright stands out."""
    mask = subject(picture)
    if ImageStat.Stat(mask).mean[0] > _WHOLE:
        mask = Image.new("L", picture.size, 255)
    skin = picture.convert("RGB").resize((512, 512))
    skin.putalpha(mask.resize(skin.size))
    file = io.BytesIO()
    skin.save(file, "PNG", compress_level=1)
    heights = _heights(picture, mask)
    wide, tall = (side / max(picture.size) for side in picture.size)
    last = _POINTS - 1
    places: list[float] = []
    spots: list[float] = []
    sides: list[int] = []
    for face in (1, -1):
        for at, high in enumerate(heights):
            x, y = at % _POINTS / last, at // _POINTS / last
            places += (2 * x - 1) * wide, (1 - 2 * y) * tall, face * high
            spots += x, y
        first = 0 if face > 0 else len(heights)
        for a in range(_POINTS * last):
            corners = a, a + _POINTS, a + _POINTS + 1, a + 1
            if a % _POINTS < last and any(heights[one] > 0 for one in corners):
                a, b, c, d = (first + one for one in corners[::face])
                sides += a, b, d, b, c, d
    packed = (
        struct.pack(f"<{len(one)}{kind}", *one)
        for one, kind in ((places, "f"), (spots, "f"), (sides, "H"))
    )
    return _binary((*packed, file.getvalue()), [wide, tall, max(heights)])


def _heights(picture: Image.Image, mask: Image.Image) -> list[float]:
    """Return half the thickness of a subject at each point: 0 at its edge and around it."""
    points = (_POINTS, _POINTS)
    framed = Image.new("L", points)
    framed.paste(mask.resize((_POINTS - 4, _POINTS - 4)), (2, 2))
    narrow = framed.point([level * 3 // 5 for level in range(256)])  # has a thickness, too
    soft = framed.filter(ImageFilter.GaussianBlur(_POINTS / 18))
    round_ = ImageChops.lighter(soft, narrow).tobytes()
    levels = picture.convert("L").resize(points).filter(ImageFilter.GaussianBlur(1.5)).tobytes()
    return [
        (max(0, inside - 135) / 120) ** 0.5 * (_DEEP + _HIGH * level / 255)
        for inside, level in zip(round_, levels, strict=True)
    ]


def _binary(parts: tuple[bytes, ...], most: list[float]) -> bytes:
    """Return a file of places, texture places, sides and a texture."""
    scene = json.loads(_SCENE.read_text(encoding="utf-8"))
    scene["accessors"][0] |= {"min": [-one for one in most], "max": most}
    for accessor, part, size in zip(scene["accessors"], parts, (12, 8, 2), strict=False):
        accessor["count"] = len(part) // size
    padded = [part + b"\0" * (-len(part) % 4) for part in parts]
    starts = [sum(map(len, padded[:number])) for number in range(len(padded))]
    scene["bufferViews"] = [
        {"buffer": 0, "byteOffset": start, "byteLength": len(part)}
        for start, part in zip(starts, parts, strict=True)
    ]
    scene["buffers"] = [{"byteLength": sum(map(len, padded))}]
    text, data = json.dumps(scene).encode(), b"".join(padded)
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(data))
    chunks = struct.pack("<I4s", len(text), b"JSON"), struct.pack("<I4s", len(data), b"BIN\0")
    return head + chunks[0] + text + chunks[1] + data


def drawing(picture: Image.Image) -> bytes:
    """Return a picture as an SVG of its size, with a few flat areas. Each color is one path, of
    lines as high as a row."""
    wide, tall = (max(1, round(side * _FINE / max(picture.size))) for side in picture.size)
    small = picture.convert("RGB").resize((wide, tall)).filter(ImageFilter.MedianFilter(5))
    flat = small.quantize(_COLORS, dither=Image.Dither.NONE)
    palette, levels = flat.getpalette() or [], flat.tobytes()
    paths: dict[int, str] = {}
    for row in range(tall):
        left = 0
        for color, run in itertools.groupby(levels[row * wide : (row + 1) * wide]):
            length = len(list(run))
            paths[color] = f"{paths.get(color, '')}M{left} {row + 0.5}h{length}"
            left += length
    areas = (
        f'<path stroke="#{bytes(palette[3 * color : 3 * color + 3]).hex()}" d="{path}"/>'
        for color, path in paths.items()
    )
    width, height = picture.size
    head = f'width="{width}" height="{height}" viewBox="0 0 {wide} {tall}" stroke-width="1.1"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {head}><desc>{DEMO}</desc>{"".join(areas)}</svg>'
    ).encode()
