"""3D models and drawings of a picture, as files."""

from __future__ import annotations

import io
import json
import struct
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageFilter

_POINTS, _HIGH = 64, 0.28  # of a relief: points on each side, and its height
_CELLS = 40  # of a drawing, on each side
_RELIEF = Path(__file__).with_name("relief.json")  # its scene, of as many points
DEMO = "Made by a demo server without models"


def relief(picture: Image.Image) -> bytes:
    """Return a picture as a relief, in binary glTF: what is bright stands out."""
    file = io.BytesIO()
    small = picture.convert("RGB").resize((512, 512))
    small.save(file, "JPEG", quality=85)
    soft = small.convert("L").resize((_POINTS, _POINTS)).filter(ImageFilter.GaussianBlur(1.5))
    levels = soft.tobytes()
    last = _POINTS - 1
    wide, tall = (side / max(picture.size) for side in picture.size)
    places, spots = bytearray(), bytearray()
    for row in range(_POINTS):
        for column in range(_POINTS):
            x, y = column / last, row / last
            rim = 0 in (row, column) or last in (row, column)
            z = -0.05 if rim else _HIGH * levels[row * _POINTS + column] / 255
            places += struct.pack("<3f", (2 * x - 1) * wide, (1 - 2 * y) * tall, z)
            spots += struct.pack("<2f", x, y)
    sides = bytearray()
    for upper, lower in pairwise(range(0, _POINTS * _POINTS, _POINTS)):
        for at in range(last):
            a, b, c, d = upper + at, lower + at, lower + at + 1, upper + at + 1
            sides += struct.pack("<6H", a, b, d, b, c, d)
    scene = json.loads(_RELIEF.read_text(encoding="utf-8"))
    scene["accessors"][0] |= {"min": [-wide, -tall, -0.05], "max": [wide, tall, _HIGH]}
    parts = (bytes(places), bytes(spots), bytes(sides), file.getvalue())
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
    """Return a picture as an SVG of colored dots."""
    tall = max(1, round(_CELLS * picture.height / picture.width))
    small = picture.convert("RGB").resize((_CELLS, tall), Image.Resampling.BOX)
    colors = small.tobytes()
    dots = (
        f'<circle cx="{at % _CELLS + 0.5}" cy="{at // _CELLS + 0.5}" r=".56"'
        f' fill="#{colors[3 * at : 3 * at + 3].hex()}"/>'
        for at in range(_CELLS * tall)
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_CELLS} {tall}">'
    return f"{head}<desc>{DEMO}</desc>{''.join(dots)}</svg>".encode()
