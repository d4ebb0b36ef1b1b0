"""Values of widgets that a node pack's own script adds or reads in its own way."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.graph.convert import convert
from tests.support.samples.graphs import graph, graph_node

VIDEO = {
    "images": ["IMAGE"],
    "frame_rate": ["FLOAT", {"default": 8}],
    "filename_prefix": ["STRING", {"default": "AnimateDiff"}],
    "format": [
        ["image/gif", "video/h264"],
        {
            "formats": {
                "video/h264": [
                    ["pix_fmt", ["yuv420p", "yuv420p10le"]],
                    ["crf", "INT", {"default": 19, "max": 100}],
                ]
            }
        },
    ],
    "pingpong": ["BOOLEAN", {"default": False}],
    "save_output": ["BOOLEAN", {"default": True}],
}
LOAD_VIDEO = {
    "video": [["cat.mp4"]],
    "force_rate": ["FLOAT", {"default": 0}],
    "custom_width": ["INT", {"default": 0}],
    "custom_height": ["INT", {"default": 0}],
    "frame_load_cap": ["INT", {"default": 0}],
    "skip_first_frames": ["INT", {"default": 0}],
    "select_every_nth": ["INT", {"default": 1}],
}
CATALOG = Catalog(
    {
        name: {"input": {"required": required}, "output": [], "output_node": True}
        for name, required in {
            "Styled": {
                "style": ["STYLES"],
                "start_time": ["FLOAT", {"widgetType": "TIMESTAMP", "default": 0}],
                "text": ["STRING,PROMPT", {"widgetType": "AUTOCOMPLETE"}],
                "count": ["INT", {"default": 1}],
            },
            "Tinted": {"tint": ["TINT", {"default": "#ffffff"}], "size": ["INT", {}]},
            "Power Lora Loader (rgthree)": {},
            "VHS_VideoCombine": VIDEO,
            "VHS_LoadVideo": LOAD_VIDEO,
        }.items()
    }
)


def sent(node: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs of a graph's only node."""
    return convert(graph(node), CATALOG).prompt["1"]["inputs"]


def test_a_widget_of_an_unknown_type() -> None:
    """A type with `widgetType` has a place among the saved values."""
    assert sent(graph_node(1, "Styled", 12.5, "a cat", 3)) == {
        "start_time": 12.5,
        "text": "a cat",
        "count": 3,
    }


def test_a_socket_with_a_widget() -> None:
    """A saved socket that names its widget tells that the script made one for the type. A list
    would be a link, so it is wrapped."""
    node = graph_node(1, "Styled", ["anime"], 12.5, "a cat", 3, sockets="style")
    assert sent(node)["style"] == {"__value__": ["anime"]}
    assert sent(node)["count"] == 3


def test_a_default_that_needs_a_place() -> None:
    """A type with a default is a widget if the node saved one value more than it has widgets."""
    assert sent(graph_node(1, "Tinted", "#102030", 7)) == {"tint": "#102030", "size": 7}
    assert sent(graph_node(1, "Tinted", 7)) == {"size": 7}


def test_named_values_show_a_widget() -> None:
    """A type whose value is saved by name is a widget."""
    node = graph_node(1, "Styled", "anime", 12.5, "a cat", 3)
    node["widgets_values_named"] = {"style": "anime", "start_time": 12.5, "text": "a cat"}
    assert sent(node)["style"] == "anime"


def test_lora_rows() -> None:
    """Each saved row of a Power Lora Loader becomes an input. Header and button aren't rows."""
    rows = [{"on": True, "lora": "a.safetensors", "strength": 0.5, "strengthTwo": None}]
    node = graph_node(
        1, "Power Lora Loader (rgthree)", {}, {"type": "Header"}, *rows, {}, "add", properties={}
    )
    assert sent(node)["lora_1"] == {"on": True, "lora": "a.safetensors", "strength": 0.5}
    assert "lora_2" not in sent(node)


@pytest.mark.parametrize(("saved", "strength"), [(None, 1), (0.3, 0.3)])
def test_lora_rows_with_two_strengths(saved: float | None, strength: float) -> None:
    """The second strength is sent only if the node shows it."""
    row = {"on": True, "lora": "a.safetensors", "strength": 0.5, "strengthTwo": saved}
    node = graph_node(1, "Power Lora Loader (rgthree)", row)
    node["properties"] = {"Show Strengths": "Separate Model & Clip"}
    assert sent(node)["lora_1"]["strengthTwo"] == strength


def combined(values: object) -> dict[str, Any]:
    node = graph_node(1, "VHS_VideoCombine")
    node["widgets_values"] = values
    return sent(node)


def test_a_video_format_adds_inputs() -> None:
    """The chosen format's own widgets are restored by name, those without a value keep their
    defaults."""
    inputs = combined({"frame_rate": 24, "format": "video/h264", "crf": 30, "save_image": False})
    assert inputs == {
        "frame_rate": 24,
        "filename_prefix": "AnimateDiff",
        "format": "video/h264",
        "pix_fmt": "yuv420p",
        "crf": 30,
        "pingpong": False,
        "save_output": False,
    }


def test_a_format_without_inputs() -> None:
    """Values of a format that isn't chosen aren't sent."""
    assert "crf" not in combined({"format": "image/gif", "crf": 30})


def test_a_list_of_an_old_version() -> None:
    """Lists of the pack's first versions have an order of their own."""
    assert combined([12, 0, "clip", "image/gif", True, False]) == {
        "frame_rate": 12,
        "filename_prefix": "clip",
        "format": "image/gif",
        "pingpong": True,
        "save_output": False,
    }


@pytest.mark.parametrize(
    ("force_size", "size"),
    [
        ("512x?", (512, 0)),
        ("?x512", (0, 512)),
        ("256x256", (256, 256)),
        ("Disabled", (0, 0)),
        ("Custom Width", (700, 0)),
        ("Custom Height", (0, 900)),
    ],
)
def test_force_size_of_old_files(force_size: str, size: tuple[int, int]) -> None:
    """Files before 2025 have one text for both dimensions."""
    node = graph_node(1, "VHS_LoadVideo")
    node["widgets_values"] = {
        "video": "cat.mp4",
        "force_size": force_size,
        "custom_width": 700,
        "custom_height": 900,
    }
    inputs = sent(node)
    assert (inputs["custom_width"], inputs["custom_height"]) == size


def scripted(*values: Any, sockets: str) -> dict[str, Any]:
    """Return the inputs of a node whose class declares four widgets."""
    think = {
        "steps": ["INT", {"default": 5}],
        "seed": ["INT", {"default": 0}],
        "mode": [["image first", "prompt first"], {}],
        "info": ["STRING", {}],
    }
    catalog = Catalog({"Think": {"input": {"required": think}, "output": ["IMAGE"]}})
    prompt = convert(graph(graph_node(1, "Think", *values, sockets=sockets)), catalog).prompt
    inputs: dict[str, Any] = prompt["1"]["inputs"]
    return inputs


def test_sockets_name_the_values_of_widgets_that_a_script_adds() -> None:
    """The pack's script adds widgets between the declared ones, and a button after the last."""
    sockets = "steps friction seed mode stop info"
    values = (7, 15.5, 3, "fixed", "prompt first", 1, "about", "a button")
    expected = {"steps": 7, "seed": 3, "mode": "prompt first", "info": "about"}
    assert scripted(*values, sockets=sockets) == expected
    assert scripted(*values[:-1], sockets=sockets) == expected


def test_values_that_sockets_do_not_account_for_stay_in_order() -> None:
    """A number is no button's value, so the names could be off."""
    values = (7, 3, "fixed", "image first", "about", 1.5)
    assert scripted(*values, sockets="seed steps mode info")["steps"] == 7
