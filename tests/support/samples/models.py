"""A small 3D model, and a node that saves a model."""

from __future__ import annotations

import json
import struct

from comfyui_standin.nodes.base import (
    Inputs,
    NodeClass,
    NodeResult,
    NodeRun,
    fixed,
    node_info,
    spec,
)

_FLOAT, _TRIANGLES, _WORD = 5126, 4, 4  # as glTF numbers and measures them
_CORNERS = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
_SIDES = ((0, 1, 2), (0, 3, 1), (0, 2, 3), (1, 3, 2))


def tetrahedron(red: float = 1) -> bytes:
    """Return a red tetrahedron as a binary glTF file."""
    points = [_CORNERS[corner] for side in _SIDES for corner in side]
    places = b"".join(struct.pack("<3f", *point) for point in points)
    color = {"pbrMetallicRoughness": {"baseColorFactor": [red, 0, 0, 1]}, "doubleSided": True}
    scene = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "materials": [color],
        "meshes": [
            {"primitives": [{"attributes": {"POSITION": 0}, "mode": _TRIANGLES, "material": 0}]}
        ],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": _FLOAT,
                "count": len(points),
                "type": "VEC3",
                "min": [-1, -1, -1],
                "max": [1, 1, 1],
            }
        ],
        "bufferViews": [{"buffer": 0, "byteLength": len(places)}],
        "buffers": [{"byteLength": len(places)}],
    }
    text = json.dumps(scene).encode()
    chunks = _chunk(b"JSON", text + b" " * (-len(text) % _WORD)) + _chunk(b"BIN\0", places)
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def save_model(model: bytes, name: str = "boat.glb") -> NodeClass:
    """Return a node class that saves this model."""

    def save(run: NodeRun, _: Inputs) -> NodeResult:
        folder = run.storage.folder("output")
        assert folder is not None
        (folder / name).write_bytes(model)
        return NodeResult((), {"3d": [{"filename": name, "subfolder": "", "type": "output"}]})

    info = node_info(
        "SaveModel", "Save model", "3d", required={"text": spec("STRING")}, output_node=True
    )
    return NodeClass(fixed(info), save)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("<I4s", len(data), kind) + data
