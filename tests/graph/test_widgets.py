"""Matching of saved `widgets_values` to widgets. The values have no names, and not every position
is an input."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.graph.convert import convert
from tests.support.samples.graphs import CATALOG, converted, graph, graph_node, inputs


@pytest.mark.parametrize("control", ["fixed", "randomize", True, False, None])
def test_control_after_generate_takes_a_place(control: object) -> None:
    """The converter skips a seed's companion value, including the boolean form of old files."""
    data = graph(graph_node(1, "Sample", 7, control, 30, "heun", 0.5))
    assert inputs(data, "1") == {"seed": 7, "steps": 30, "sampler_name": "heun", "denoise": 0.5}


def test_upload_button_takes_a_place() -> None:
    """The value saved for an upload button is not an input."""
    assert inputs(graph(graph_node(1, "Image", "x.png", "image")), "1") == {"image": "x.png"}


def test_missing_values_are_defaults() -> None:
    """Widgets without a saved value keep the default from their definition."""
    assert inputs(graph(graph_node(1, "Empty", 64)), "1") == {"width": 64, "height": 512}


def test_combo_without_a_value_takes_its_first_choice() -> None:
    """The converter sends a combo saved as null as its first choice."""
    assert inputs(graph(graph_node(1, "Load", None)), "1") == {"name": "a.safetensors"}


def test_dynamic_combo() -> None:
    """The chosen option's widgets follow the combo, under dotted names and before the node's other
    widgets."""
    data = graph(graph_node(1, "Resize", "size", 640, 480, True))
    assert inputs(data, "1") == {
        "how": "size",
        "how.width": 640,
        "how.height": 480,
        "sharpen": True,
    }


def test_dynamic_combo_with_another_choice() -> None:
    """Another choice has other widgets, so the same positions mean other inputs."""
    assert inputs(graph(graph_node(1, "Resize", "factor", 1.5, True)), "1") == {
        "how": "factor",
        "how.factor": 1.5,
        "sharpen": True,
    }


def test_a_link_of_an_unchosen_option_is_dropped() -> None:
    """The converter drops an input that only another choice has, along with its link."""
    links = "1.0 IMAGE > 2.how.other"
    taken = graph(
        graph_node(1, "Image", "x.png", "image"),
        graph_node(2, "Resize", "like", True),
        links=links,
    )
    other = graph(
        graph_node(1, "Image", "x.png", "image"),
        graph_node(2, "Resize", "factor", 1.5, True),
        links=links,
    )
    assert inputs(taken, "2")["how.other"] == ["1", 0]
    assert "how.other" not in inputs(other, "2")


def test_autogrow() -> None:
    """Members of an autogrow group keep their dotted names and follow each other in the prompt."""
    data = graph(
        graph_node(1, "Image", "x.png", "image"),
        graph_node(2, "Join", 3),
        links="\n".join(f"1.0 IMAGE > 2.images.image{n}" for n in (0, 1, 2)),
    )
    assert inputs(data, "2") == {
        "gap": 3,
        "images.image0": ["1", 0],
        "images.image1": ["1", 0],
        "images.image2": ["1", 0],
    }


def test_values_saved_by_name() -> None:
    """If a pack saves its values as an object, the converter reads them by name, including dynamic
    combos."""
    saved = {"sharpen": True, "how": "factor", "how.factor": 3.0, "videopreview": {"x": 1}}
    data = graph({**graph_node(1, "Resize"), "widgets_values": saved})
    assert inputs(data, "1") == {"how": "factor", "how.factor": 3.0, "sharpen": True}


def test_dummies_of_forced_inputs() -> None:
    """Old files also hold a value for each socket. The converter drops it only if the number of
    values gives it away."""
    assert inputs(graph(graph_node(1, "Forced", "dummy", 5, "n")), "1") == {"size": 5, "name": "n"}
    assert inputs(graph(graph_node(1, "Forced", 5, "n")), "1") == {"size": 5, "name": "n"}


def test_custom_combo_grows() -> None:
    """The node's choices are widgets. Each filled widget adds another, and the converter computes
    the index."""
    data = graph(graph_node(1, "CustomCombo", "b", 0, "a", "b", ""))
    assert inputs(data, "1") == {
        "choice": "b",
        "index": 1,
        "option1": "a",
        "option2": "b",
        "option3": "",
    }
    shown = converted(data).widget("1", "choice")
    assert shown is not None
    assert shown.spec is not None
    assert shown.spec.choices == ("a", "b")


def test_limits_set_by_the_author() -> None:
    """A primitive number node takes its limits from its properties, not from its class."""
    data = graph(graph_node(1, "PrimitiveInt", 5, properties={"min": 3, "max": 15}))
    shown = converted(data).widget("1", "value")
    assert shown is not None
    assert shown.spec is not None
    assert (shown.spec.options["min"], shown.spec.options["max"]) == (3, 15)
    assert CATALOG["PrimitiveInt"].by_name["value"].options["max"] == 9999


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), [float("nan")], {"a": float("-inf")}]
)
def test_numbers_that_json_cannot_carry(value: Any) -> None:
    """The converter turns NaN and infinity into null at any depth."""
    sent = str(inputs(graph(graph_node(1, "Number", value)), "1"))
    assert "None" in sent
    assert "nan" not in sent
    assert "inf" not in sent


def test_exact_integers() -> None:
    """A 64-bit seed keeps every digit. A browser would round it."""
    assert (
        inputs(graph(graph_node(1, "Sample", 2**64 - 1, "fixed")), "1")["seed"]
        == 18446744073709551615
    )


BOX = {"x": 1, "y": 2, "width": 3, "height": 4}


@pytest.mark.parametrize(
    ("spec", "saved", "sent"),
    [
        (["INT", {}], [5], {"a": 5}),
        (["INT", {"control_after_generate": True}], [5, "fixed"], {"a": 5}),
        (["FLOAT", {"control_after_generate": True}], [0.5, "fixed"], {"a": 0.5}),
        (
            ["COMBO", {"options": ["u", "v"], "control_after_generate": True}],
            ["v", "fixed", ""],
            {"a": "v"},
        ),
        ([["u", "v"], {"multi_select": True}], [["u"]], {"a": {"__value__": ["u"]}}),
        ([["u", "v"], {"multi_select": True}], None, {"a": {"__value__": []}}),
        (["BOUNDING_BOX", {}], [BOX, 1, 2, 3, 4], {"a": BOX}),
        (["COLOR", {}], None, {"a": "#000000"}),
        (["COLOR", {"options": {"default": "#fff"}}], None, {"a": "#fff"}),
        (["IMAGECOMPARE", {}], [], {"a": {"__value__": ["", ""]}}),
        (
            ["CURVE", {}],
            [[[0, 0], [1, 1]]],
            {"a": {"__type__": "CURVE", "__value__": [[0, 0], [1, 1]]}},
        ),
        (["AUDIO_RECORD", {}], ["audio.wav", ""], {"a": "audio.wav"}),
        (["FLOAT,INT", {"widgetType": "FLOAT"}], [2.5], {"a": 2.5}),
        (["COMBO", {"options": []}], None, {}),
        (["MODEL", {}], [], {}),
    ],
    ids=lambda value: str(value[0])[:20] if isinstance(value, list) and value else "",
)
def test_places_of_every_kind_of_widget(
    spec: Any, saved: list[Any] | None, sent: dict[str, Any]
) -> None:
    """Each kind of input takes its own number of positions, so that the next input gets the right
    value."""
    catalog = Catalog(
        {"Kind": {"input": {"required": {"a": spec, "after": ["STRING", {}]}}, "output": []}}
    )
    values = ["default"] if saved is None else [*saved, "next"]
    data = {
        "nodes": [{"id": 1, "type": "Kind", "widgets_values": [] if saved is None else values}],
        "links": [],
    }
    expected = {**sent, "after": "" if saved is None else "next"}
    assert convert(data, catalog).prompt["1"]["inputs"] == expected


def test_a_seed_has_a_control_widget_unless_it_is_turned_off() -> None:
    """An integer input called seed has a control widget by default."""
    for options, values in (
        ({}, [7, "fixed", "next"]),
        ({"control_after_generate": False}, [7, "next"]),
    ):
        catalog = Catalog(
            {"Kind": {"input": {"required": {"seed": ["INT", options], "after": ["STRING", {}]}}}}
        )
        data = {"nodes": [{"id": 1, "type": "Kind", "widgets_values": values}], "links": []}
        assert convert(data, catalog).prompt["1"]["inputs"] == {"seed": 7, "after": "next"}


def test_viewers_and_buttons_of_3d_nodes() -> None:
    """The editor sends the buttons of its 3D loader and the state of viewers. The converter does
    the same."""
    catalog = Catalog(
        {
            "Load3D": {
                "input": {
                    "required": {
                        "model_file": [["a.glb"], {}],
                        "image": ["LOAD_3D", {}],
                        "width": ["INT", {}],
                    }
                }
            },
            "SaveGLB": {
                "input": {"required": {"mesh": ["MESH"], "filename_prefix": ["STRING", {}]}}
            },
        }
    )
    values = ["a.glb", "upload3dmodel", "uploadExtraResources", "clear", "state", 640]
    nodes = [
        {"id": 1, "type": "Load3D", "widgets_values": values},
        {"id": 2, "type": "SaveGLB", "widgets_values": ["m"]},
    ]
    prompt = convert({"nodes": nodes, "links": []}, catalog).prompt
    assert prompt["1"]["inputs"]["width"] == 640
    assert prompt["1"]["inputs"]["image"] == "state"
    assert prompt["2"]["inputs"] == {"filename_prefix": "m", "image": ""}


def test_old_sampler_names() -> None:
    """The converter changes the old sampler name sample_euler to euler."""
    catalog = Catalog({"KSampler": {"input": {"required": {"sampler_name": [["euler"], {}]}}}})
    data = {
        "nodes": [{"id": 1, "type": "KSampler", "widgets_values": ["sample_euler"]}],
        "links": [],
    }
    assert convert(data, catalog).prompt["1"]["inputs"] == {"sampler_name": "euler"}
