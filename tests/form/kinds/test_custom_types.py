"""Inputs whose type isn't built in: their fields follow the type of their values."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.comfyui.input_spec import parse_input
from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.model import Field
from tests.support.samples.extra_nodes import node_entry
from tests.support.samples.forms import node, workflow_of


def field_for(raw: list[Any], value: object, others: dict[str, Any] | None = None) -> Field:
    """Return the field of an input with this declaration and value, in a node with these other
    inputs."""
    catalog = Catalog({"Own": node_entry({"one": raw, **(others or {})}, [], output_node=True)})
    return build_form(workflow_of({"1": node("Own", one=value)}), catalog).field("1.one")


@pytest.mark.parametrize(
    ("raw", "value", "widget"),
    [
        (["AUTOCOMPLETE_TEXT,STRING", {"widgetType": "AUTOCOMPLETE_TEXT"}], "a cat", "textarea"),
        (["AUTOCOMPLETE_TEXT_LORAS", {}], "", "textarea"),
        (["COLORCODE", {"default": "#222222"}], "#ff0000", "color"),
        (["COLOR", {"widgetType": "OWN_COLOR"}], "black", "color"),
        (["FLOAT", {"default": 0, "min": 0, "widgetType": "TIMESTAMP"}], 1.5, "number"),
        (["LEVEL", {"default": 3}], 4, "number"),
        (["FLAG", {"default": False}], True, "checkbox"),
        (["STYLES", {}], "comic,noir", "text"),
        (["NUMBER", {"widgetType": "FLOAT"}], 2, "number"),
    ],
)
def test_a_custom_input_gets_a_field_for_its_values(
    raw: list[Any], value: object, widget: str
) -> None:
    """The declared base type decides, then the default, then the workflow's own value."""
    field = field_for(raw, value)
    assert (field.widget, field.group != "hidden") == (widget, True)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (["TABLE", {}], '{"rows": []}'),
        (["POINTS", {}], {"__value__": [{"name": "a"}]}),
        (["CAMERA_ANGLE_VIEW", {}], "camera"),
        (["CAMERA_INFO_STATE", {}], "x"),
        (["RESOLUTION_PREVIEW", {}], "x"),
        (["LIGHT_INFO_PREVIEW", {}], {"__value__": []}),
        (["STRING", {"widgetType": "GALLERIA"}], "x"),
        (["STYLES", {}], None),
        (["STYLES", {"forceInput": True, "default": "x"}], "x"),
    ],
)
def test_views_and_editor_states_have_no_field(raw: list[Any], value: object) -> None:
    """Users can't type such values, so the authors' values stay."""
    assert field_for(raw, value).group == "hidden"


def test_a_custom_number_is_checked_as_a_number() -> None:
    """It goes to the server as a number."""
    catalog = Catalog({"Own": node_entry({"one": ["LEVEL", {"default": 3}]}, [], output_node=True)})
    form = build_form(workflow_of({"1": node("Own", one=4)}), catalog)
    assert check(form, {"1.one": "7"}) == ({"1.one": 7}, {})
    assert check(form, {"1.one": "high"})[1].keys() == {"1.one"}


@pytest.mark.parametrize("display", ["slider", "knob", "gradientslider"])
def test_a_number_with_a_dragging_display_gets_a_slider(display: str) -> None:
    """Without such a display, a number with many steps gets a number box."""
    limits = {"default": 0, "min": 0, "max": 1000}
    assert field_for(["INT", {**limits, "display": display}], 1).widget == "slider"
    assert field_for(["INT", limits], 1).widget == "number"
    assert field_for(["INT", {"display": display}], 1).widget == "number"


def test_angles_beside_a_camera_view_are_sliders() -> None:
    """In the editor, users turn the camera by dragging."""
    view = {"view": ["CAMERA_ANGLE_VIEW", {}]}
    angle = ["INT", {"default": 0, "min": 0, "max": 360}]
    assert field_for(angle, 45, view).widget == "slider"
    assert field_for(angle, 45).widget == "number"


@pytest.mark.parametrize("hint", [["a"], {"a": 1}, 5, ""])
def test_an_invalid_widget_type_counts_as_none(hint: object) -> None:
    """A malformed answer from a server breaks nothing."""
    spec = parse_input("one", ["INT", {"widgetType": hint}], required=True)
    assert (spec.widget_type, spec.base_type) == ("INT", "INT")
