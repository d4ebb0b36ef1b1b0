"""Types of widgets that newer editors added."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.graph.convert import convert
from tests.support.samples.graphs import graph, graph_node

ROW = {
    "required": {"lora_name": [["a.safetensors", "b.safetensors"], {}]},
    "optional": {
        "strength": ["FLOAT", {"default": 1.0}],
        "seed": ["INT", {"control_after_generate": True}],
    },
}
CATALOG = Catalog(
    {
        name: {"input": {"required": required}, "output": [], "output_node": True}
        for name, required in {
            "Loras": {
                "loras": ["COMFY_DYNAMICGROUP_V3", {"min": 0, "max": 5, "template": ROW}],
                "after": ["INT", {"default": 7}],
            },
            "Least": {
                "loras": ["COMFY_DYNAMICGROUP_V3", {"min": 1, "max": 5, "template": ROW}],
            },
            "Lights": {"lights": ["LIGHT_INFO_PREVIEW", {}], "after": ["INT", {}]},
            "Camera": {
                "view": ["CAMERA_ANGLE_VIEW", {}],
                "state": ["CAMERA_INFO_STATE", {}],
                "size": ["RESOLUTION_PREVIEW", {}],
                "zoom": ["FLOAT", {"default": 1.0}],
            },
            "Curve": {"curve": ["CURVE", {}]},
            "Older": {"first": ["INT", {"defaultInput": True}], "last": ["INT", {}]},
            "Twice": {"text": ["STRING", {}], "count": ["INT", {}]},
            "Changed": {"size": [["small", "large"], {}], "count": ["INT", {}]},
        }.items()
    }
)


def sent(node: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs of a graph's only node."""
    return convert(graph(node), CATALOG).prompt["1"]["inputs"]


def test_rows_of_a_group() -> None:
    """A group is saved as its number of rows and their values. Only the values are sent. A seed's
    companion takes a place in each row."""
    node = graph_node(
        1, "Loras", 2, "a.safetensors", 0.5, 1, "fixed", "b.safetensors", 0.7, 2, "fixed", 42
    )
    assert sent(node) == {
        "loras.0.lora_name": "a.safetensors",
        "loras.0.strength": 0.5,
        "loras.0.seed": 1,
        "loras.1.lora_name": "b.safetensors",
        "loras.1.strength": 0.7,
        "loras.1.seed": 2,
        "after": 42,
    }


@pytest.mark.parametrize("count", [0, -3, None, "2", 1e9])
def test_a_group_without_rows(count: object) -> None:
    """No row and an impossible number of rows send nothing."""
    assert sent(graph_node(1, "Loras", count, 42)) == {"after": 42}


def test_a_group_has_its_least_rows() -> None:
    """A group has at least the rows that its class wants, with defaults."""
    assert sent(graph_node(1, "Least", 0)) == {
        "loras.0.lora_name": "a.safetensors",
        "loras.0.strength": 1.0,
        "loras.0.seed": 0,
    }


def test_lights_take_a_place() -> None:
    """Lights are saved and sent, wrapped as a list."""
    assert sent(graph_node(1, "Lights", [{"x": 1}], 3)) == {
        "lights": {"__value__": [{"x": 1}]},
        "after": 3,
    }


def test_views_are_not_sent() -> None:
    """Only the view of the camera's angle takes a place, and no view is sent."""
    assert sent(graph_node(1, "Camera", "object", 2.5)) == {"zoom": 2.5}


def test_a_curve_of_a_newer_editor() -> None:
    """Editors since 1.58, which save values by name, wrap each curve."""
    curve = {"points": [[0, 0], [1, 1]], "interpolation": "linear"}
    node = graph_node(1, "Curve", curve)
    assert sent(node) == {"curve": curve}
    named = {**node, "widgets_values_named": {"curve": curve}}
    assert sent(named) == {"curve": {"__type__": "CURVE", "__value__": curve}}


def test_names_that_the_editor_numbers() -> None:
    """A script's second widget of the same name is sent under a number."""
    node = graph_node(1, "Twice", "one", "two", 3)
    node["widgets_values_named"] = {"text": "one", "text#1": "two", "count": 3}
    assert sent(node) == {"text": "one", "text#1": "two", "count": 3}


def test_names_mend_misfit_positions() -> None:
    """If positions put values into widgets of another type, the values by name count."""
    node = graph_node(1, "Changed", "new", "large", 3)
    node["widgets_values_named"] = {"added": "new", "size": "large", "count": 3}
    assert sent(node) == {"size": "large", "count": 3}


def test_names_out_of_date() -> None:
    """If positions fit, the values by name don't count."""
    node = graph_node(1, "Changed", "large", 3)
    node["widgets_values_named"] = {"size": "small", "count": 1}
    assert sent(node) == {"size": "large", "count": 3}


def test_default_input_forces_optional_inputs_only() -> None:
    """`defaultInput` makes an optional input a socket. A required one keeps its widget."""
    required = {"first": ["INT", {"defaultInput": True}], "last": ["INT", {}]}
    sections = {"optional": required, "required": {}}
    optional = Catalog({"Older": {"input": sections, "output": [], "output_node": True}})
    assert sent(graph_node(1, "Older", 1, 2)) == {"first": 1, "last": 2}
    data = graph(graph_node(1, "Older", 2))
    assert convert(data, optional).prompt["1"]["inputs"] == {"last": 2}
