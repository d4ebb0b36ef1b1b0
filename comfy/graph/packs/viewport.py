"""ComfyUI's own 3D previews, whose camera the editor computes when it queues the graph."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from comfy.base.json_values import as_mapping
from comfy.graph.packs.rule import PackRule, SavedValues
from comfy.graph.schema import GraphNode

# The position of `viewport_state` among the saved values.
_PLACES = MappingProxyType({"Preview3DAdvanced": 0, "Save3DAdvanced": 1})


def _values(node: GraphNode) -> SavedValues:
    saved, place = node.widgets_values, _PLACES[node.type]
    if not isinstance(saved, tuple) or len(saved) <= place or saved[place]:
        return saved
    state = as_mapping(as_mapping(node.properties.get("Camera Config")).get("state"))
    viewport = {
        "image": "",
        "mask": "",
        "normal": "",
        "camera_info": dict(state) or _default_camera(),
        "recording": "",
        "model_3d_info": [],
    }
    return (*saved[:place], viewport, *saved[place + 1 :])


def _default_camera() -> dict[str, Any]:
    """Return the camera of a new view: outside the scene's corner, looking at its center."""
    return {
        "position": {"x": 10, "y": 10, "z": 10.000000000000002},
        "target": {"x": 0, "y": 0, "z": 0},
        "zoom": 1,
        "cameraType": "perspective",
        "quaternion": {
            "x": -0.2798481423331213,
            "y": 0.3647051996310008,
            "z": 0.11591689595929511,
            "w": 0.8804762392171493,
        },
        "fov": 35,
        "aspect": 1,
        "near": 0.01,
        "far": 10000,
        "frustum": {"left": -5, "right": 5, "top": 5, "bottom": -5},
    }


VIEWPORT_RULES: Mapping[str, PackRule] = dict.fromkeys(_PLACES, PackRule(values=_values))
