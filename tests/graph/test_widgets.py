"""Widget values in an editor graph: saved orders, custom types, and packs' own widgets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    # A script's own widget makes the count fit, although a plain socket left no value.
    plain = graph_node(1, "Forced", 5, "n", "")
    plain["inputs"] = [{"name": "key", "type": "STRING", "link": None}]
    assert inputs(graph(plain), "1") == {"size": 5, "name": "n"}


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
    sent = str(inputs(graph(graph_node(1, "Palette", value)), "1"))
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


ROW = {
    "required": {"lora_name": [["a.safetensors", "b.safetensors"], {}]},
    "optional": {
        "strength": ["FLOAT", {"default": 1.0}],
        "seed": ["INT", {"control_after_generate": True}],
    },
}
TYPED_CATALOG = Catalog(
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
    return convert(graph(node), TYPED_CATALOG).prompt["1"]["inputs"]


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
PACK_CATALOG = Catalog(
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


def pack_sent(node: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs of a graph's only node."""
    return convert(graph(node), PACK_CATALOG).prompt["1"]["inputs"]


def test_a_widget_of_an_unknown_type() -> None:
    """A type with `widgetType` has a place among the saved values."""
    assert pack_sent(graph_node(1, "Styled", 12.5, "a cat", 3)) == {
        "start_time": 12.5,
        "text": "a cat",
        "count": 3,
    }


def test_a_socket_with_a_widget() -> None:
    """A saved socket that names its widget tells that the script made one for the type. A list
    would be a link, so it is wrapped."""
    node = graph_node(1, "Styled", ["anime"], 12.5, "a cat", 3, sockets="style")
    assert pack_sent(node)["style"] == {"__value__": ["anime"]}
    assert pack_sent(node)["count"] == 3


def test_a_default_that_needs_a_place() -> None:
    """A type with a default is a widget if the node saved one value more than it has widgets."""
    assert pack_sent(graph_node(1, "Tinted", "#102030", 7)) == {"tint": "#102030", "size": 7}
    assert pack_sent(graph_node(1, "Tinted", 7)) == {"size": 7}


def test_named_values_show_a_widget() -> None:
    """A type whose value is saved by name is a widget."""
    node = graph_node(1, "Styled", "anime", 12.5, "a cat", 3)
    node["widgets_values_named"] = {"style": "anime", "start_time": 12.5, "text": "a cat"}
    assert pack_sent(node)["style"] == "anime"


def test_lora_rows() -> None:
    """Each saved row of a Power Lora Loader becomes an input. Header and button aren't rows."""
    rows = [{"on": True, "lora": "a.safetensors", "strength": 0.5, "strengthTwo": None}]
    node = graph_node(
        1, "Power Lora Loader (rgthree)", {}, {"type": "Header"}, *rows, {}, "add", properties={}
    )
    assert pack_sent(node)["lora_1"] == {"on": True, "lora": "a.safetensors", "strength": 0.5}
    assert "lora_2" not in pack_sent(node)


@pytest.mark.parametrize(("saved", "strength"), [(None, 1), (0.3, 0.3)])
def test_lora_rows_with_two_strengths(saved: float | None, strength: float) -> None:
    """The second strength is sent only if the node shows it."""
    row = {"on": True, "lora": "a.safetensors", "strength": 0.5, "strengthTwo": saved}
    node = graph_node(1, "Power Lora Loader (rgthree)", row)
    node["properties"] = {"Show Strengths": "Separate Model & Clip"}
    assert pack_sent(node)["lora_1"]["strengthTwo"] == strength


def combined(values: object) -> dict[str, Any]:
    node = graph_node(1, "VHS_VideoCombine")
    node["widgets_values"] = values
    return pack_sent(node)


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
    inputs = pack_sent(node)
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


@pytest.mark.parametrize(
    ("declared", "values"),
    [
        ({"forceInput": True}, ("", "reverse", "_")),
        ({"forceInput": True}, ("reverse", "_")),
        ({}, ("a cat", "reverse", "_", "a button")),
    ],
)
def test_sockets_of_converted_widgets_do_not_name_the_others(
    declared: dict[str, Any], values: tuple[Any, ...]
) -> None:
    """Older editors saved a socket only for a widget that is an input, and maybe an empty value."""
    edit = {
        "text": ["STRING", declared],
        "operation": [["upper", "reverse"]],
        "delimiter": ["STRING", {"default": ", "}],
    }
    catalog = Catalog({"Edit": {"input": {"required": edit}, "output": ["STRING"]}})
    node = graph_node(1, "Edit", *values, sockets="text")
    sent = convert(graph(node), catalog).prompt["1"]["inputs"]
    assert (sent["operation"], sent["delimiter"]) == ("reverse", "_")
    assert sent.get("text", "a cat") == "a cat"


READ = {
    "path": ["STRING", {"default": "none"}],
    "mode": [["single", "range"], {"default": "single"}],
    "first": ["INT", {"default": 1}],
    "strength": ["FLOAT", {"default": 0.5}],
    "loop": ["BOOLEAN", {"default": False}],
}


def read_as(*values: Any, declared: dict[str, Any] = READ) -> tuple[dict[str, Any], bool]:
    """Return the inputs of a node with these saved values, and whether it is outdated."""
    catalog = Catalog({"Read": {"input": {"required": declared}, "output": ["IMAGE"]}})
    result = convert(graph(graph_node(1, "Read", *values)), catalog)
    return result.prompt["1"]["inputs"], result.drawn["1"].is_outdated


FITTING = ("a.mov", "range", 5, 0.7, True)
FITTING_INPUTS = dict(zip(READ, FITTING, strict=True))


@pytest.mark.parametrize(
    "values",
    [
        ("a.mov", "browse", "copy", "range", 5, 0.7, True, "detect"),
        ("a.mov", "browse", "range", None, 5, 0.7, True),
        ("a.mov", "range", "detect", 5, 0.7, True),
        ("a.mov", "range", {"removed": 1}, 5, 0.7, True),
        ("a.mov", "range", 5, 0.7, True, "detect", None),
    ],
)
def test_values_that_belong_to_no_input_are_passed_over(values: tuple[Any, ...]) -> None:
    """A pack's buttons also have saved values. Types and choices tell which ones are inputs."""
    assert read_as(*values) == (FITTING_INPUTS, False)


@pytest.mark.parametrize(
    ("values", "replaced"),
    [
        (("a.mov", 5, 0.7, True), {"mode": "single"}),
        (("a.mov", "range", {"old": 1}, 0.7, True), {"first": 1}),
        (("a.mov", "range", "{}", "seconds", 0.7, True), {"first": 1}),
    ],
)
def test_values_that_do_not_fit_are_defaults(
    values: tuple[Any, ...], replaced: dict[str, Any]
) -> None:
    """A node saved with another version of its class keeps only the values that fit."""
    assert read_as(*values) == ({**FITTING_INPUTS, **replaced}, True)


@pytest.mark.parametrize(("model", "own"), [("fast", {"model.length": 5}), ("newer", {})])
def test_a_newer_choices_own_values_are_passed_over(model: str, own: dict[str, Any]) -> None:
    """The seed and the switch come after values that the server doesn't know."""
    option = {"key": "fast", "inputs": {"required": {"length": ["INT", {"default": 1}]}}}
    declared = {
        "model": ["COMFY_DYNAMICCOMBO_V3", {"options": [option]}],
        "seed": ["INT", {"default": 0}],
        "watermark": ["BOOLEAN", {"default": False}],
    }
    values = (model, 5, "balanced", 77, "randomize", True)
    expected = {"model": model, **own, "seed": 77, "watermark": True}
    assert read_as(*values, declared=declared) == (expected, False)


@pytest.mark.parametrize(
    "values",
    [
        ("a.mov", "gone", 5, 0.7, True),  # a choice of another server
        ("a.mov", "gone", 5, 0.7, True, "button"),
        ("a.mov", "range", "5", 0.7, 1),  # the server reads these
        ("a.mov", "range", None, "", True),  # no value
        ("a.mov", "range", 5),
    ],
)
def test_other_values_stay_at_their_position(values: tuple[Any, ...]) -> None:
    """The editor sends these, too. Inputs without a saved value have their defaults."""
    defaults = {name: options["default"] for name, (_, options) in READ.items()}
    expected = {**defaults, **dict(zip(READ, values, strict=False))}
    assert read_as(*values) == (expected, False)


@given(
    st.lists(st.sampled_from(["text", "mode", "number", "switch"]), min_size=1, max_size=6),
    st.data(),
)
def test_fitting_values_stay_and_none_is_of_another_type(kinds: list[str], data: Any) -> None:
    """Values that all fit are read by position. Among others, no number gets a text."""
    specs: dict[str, Any] = {
        "text": ["STRING", {"default": "none"}],
        "mode": [["a", "b"], {"default": "a"}],
        "number": ["INT", {"default": -1}],
        "switch": ["BOOLEAN", {"default": False}],
    }
    values: dict[str, st.SearchStrategy[Any]] = {
        "text": st.sampled_from(["x", "y"]),
        "mode": st.sampled_from(["a", "b"]),
        "number": st.integers(2, 5),
        "switch": st.booleans(),
    }
    declared = {f"{kind}{at}": specs[kind] for at, kind in enumerate(kinds)}
    fitting = [data.draw(values[kind]) for kind in kinds]
    assert read_as(*fitting, declared=declared) == (
        dict(zip(declared, fitting, strict=True)),
        False,
    )
    junk = st.sampled_from(["x", "b", 3, True, {"k": 1}, None])
    mixed = data.draw(st.permutations([*fitting, *data.draw(st.lists(junk, max_size=3))]))
    inputs, _ = read_as(*mixed[: data.draw(st.integers(0, len(mixed)))], declared=declared)
    for name, value in inputs.items():
        if name.startswith("number"):
            assert value is None or isinstance(value, int)


@pytest.mark.parametrize("size", [[640, 480], {"0": 640, "1": 480}])
@pytest.mark.parametrize("button", [(), (None,)])
def test_a_packs_own_widget_is_sent_if_its_value_is_saved(size: Any, button: Any) -> None:
    """Older files have no socket that tells. The value has the shape of the default."""
    declared = {"count": ["INT", {"default": 60}], "size": ["VEC2", {"default": [512, 512]}]}
    sent = {"__value__": size} if isinstance(size, list) else size
    assert read_as(9, size, *button, declared=declared) == ({"count": 9, "size": sent}, False)
    assert read_as(9, *button, declared=declared) == ({"count": 9}, False)


STATE = {"hidden": {"BoxState": ["STRING", {"default": "{}"}], "unique_id": "UNIQUE_ID"}}


@pytest.mark.parametrize(
    ("saved", "sent"),
    [
        ({"widgets_values": [4, '{"a": 1}', "view"]}, {"BoxState": '{"a": 1}'}),
        ({"widgets_values": {"size": 4, "BoxState": "[1]"}}, {"BoxState": "[1]"}),
        ({"properties": {"boxState": {"a": 1}}}, {"BoxState": '{"a": 1}'}),
        ({"widgets_values": [4, "Open…"]}, {}),
        ({"widgets_values": [4]}, {}),
    ],
)
def test_a_hidden_input_keeps_its_saved_state(saved: dict[str, Any], sent: dict[str, Any]) -> None:
    """A script stores the state of its own view. Without one, the node uses its default."""
    sections = {"required": {"size": ["INT", {"default": 4}]}, **STATE}
    catalog = Catalog({"Box": {"input": sections, "output": [], "output_node": True}})
    node = {**graph_node(1, "Box", 4), **saved}
    result = convert(graph(node), catalog)
    assert result.prompt["1"]["inputs"] == {"size": 4, **sent}
    hidden = result.widget("1", "BoxState")
    assert hidden is None or hidden.spec is None  # so that no form shows it


@pytest.mark.parametrize("between", [("monokai", "add", "clear"), ("monokai", "Select…")])
def test_code_is_the_last_value(between: tuple[str, ...]) -> None:
    """The pack's script adds widgets before its code editor, which the server doesn't declare."""
    code = {"language": [["python", "javascript"]], "pycode": ["PYCODE", {"default": "x = 1"}]}
    catalog = Catalog({"IDENode": {"input": {"required": code}, "output": ["*"]}})
    node = graph_node(1, "IDENode", "python", *between, "y = 2")
    expected = {"language": "python", "pycode": "y = 2"}
    assert convert(graph(node), catalog).prompt["1"]["inputs"] == expected


@pytest.mark.parametrize("added", [("button",), (0.5, "button"), ()])
def test_values_of_a_class_with_fewer_widgets_today(added: tuple[Any, ...]) -> None:
    """Files of an older version keep each value at its own widget, with and without a button."""
    declared = {
        "LanPaint_NumSteps": ["INT", {"default": 5}],
        "LanPaint_PromptMode": [["Image First", "Prompt First"]],
        "LanPaint_Info": ["STRING", {}],
    }
    kind = "LanPaint_SamplerCustomAdvanced"
    catalog = Catalog({kind: {"input": {"required": declared}, "output": ["LATENT"]}})
    node = graph_node(1, kind, 2, 5, 0.2, 1, 15, "Prompt First", 1, "about", 0, 1, *added)
    assert convert(graph(node), catalog).prompt["1"]["inputs"] == {
        "LanPaint_NumSteps": 2,
        "LanPaint_PromptMode": "Prompt First",
        "LanPaint_Info": "about",
    }
