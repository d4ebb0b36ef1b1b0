"""3D models and drawings of a picture, as files."""

from __future__ import annotations

import io
import json
import struct
from itertools import pairwise

from PIL import Image, ImageFilter

_POINTS, _HIGH = 64, 0.28  # of a relief: points on each side, and its height
_CELLS = 40  # of a drawing, on each side
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
    least, most = [-wide, -tall, -0.05], [wide, tall, _HIGH]
    parts = (bytes(places), bytes(spots), bytes(sides), file.getvalue())
    return _glb(parts, len(sides) // 2, {"min": least, "max": most})


def _glb(parts: tuple[bytes, ...], corners: int, limits: dict[str, list[float]]) -> bytes:
    padded = [part + b"\0" * (-len(part) % 4) for part in parts]
    starts = [sum(map(len, padded[:number])) for number in range(len(padded))]
    points = _POINTS * _POINTS
    scene = {
        "asset": {"version": "2.0", "generator": DEMO, "extras": {"demo": True}},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "Demo"}],
        "images": [{"bufferView": 3, "mimeType": "image/jpeg"}],
        "textures": [{"source": 0}],
        "materials": [
            {
                "pbrMetallicRoughness": {
                    "baseColorTexture": {"index": 0},
                    "metallicFactor": 0,
                    "roughnessFactor": 0.8,
                },
                "doubleSided": True,
            }
        ],
        "meshes": [
            {
                "primitives": [
                    {"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}
                ]
            }
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": points, "type": "VEC3", **limits},
            {"bufferView": 1, "componentType": 5126, "count": points, "type": "VEC2"},
            {"bufferView": 2, "componentType": 5123, "count": corners, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": start, "byteLength": len(part)}
            for start, part in zip(starts, parts, strict=True)
        ],
        "buffers": [{"byteLength": sum(map(len, padded))}],
    }
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    data = b"".join(padded)
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
