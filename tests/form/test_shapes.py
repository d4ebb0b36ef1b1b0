"""Values of several numbers: image regions and curves."""

from __future__ import annotations

import random
from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.form.model import Form
from tests.support.samples.forms import node, workflow_of

BOX = {"x": 1, "y": 2, "width": 300, "height": 200}
CURVE = {"points": [[0, 0], [1, 1]], "interpolation": "linear"}
NODES = {
    "ImageCropV2": {
        "input": {"required": {"crop_region": ["BOUNDING_BOX", {"socketless": True}]}},
        "output": ["IMAGE"],
        "name": "ImageCropV2",
    },
    "CurveEditor": {
        "input": {"required": {"image": ["IMAGE"], "curve": ["CURVE", {"socketless": True}]}},
        "output": [],
        "name": "CurveEditor",
        "output_node": True,
    },
}


def prompt(box: object = BOX, curve: object = CURVE) -> dict[str, Any]:
    return {
        "1": node("ImageCropV2", crop_region=box),
        "2": node("CurveEditor", image=["1", 0], curve=curve),
    }


def form(**values: object) -> Form:
    """Return the form of both nodes, on a server that has them."""
    return build_form(workflow_of(prompt(**values)), Catalog(NODES))


def sent(values: dict[str, object], **authors: object) -> tuple[object, object]:
    clean, errors = check(form(**authors), values)
    assert errors == {}
    filled, _ = fill(workflow_of(prompt(**authors)), form(**authors), clean, random.Random(1))
    return filled["1"]["inputs"]["crop_region"], filled["2"]["inputs"]["curve"]


def test_boxes_and_curves_have_fields_of_their_own() -> None:
    """Each field has the author's value as it is. A value of any other shape stays a text field."""
    fields = {field.key: (field.widget, field.group, field.default) for field in form().fields}
    assert fields == {
        "1.crop_region": ("box", "main", BOX),
        "2.curve": ("curve", "main", CURVE),
    }
    odd = {field.key: (field.widget, field.group) for field in form(box={"x": "a"}, curve=7).fields}
    assert odd == {"1.crop_region": ("text", "hidden"), "2.curve": ("text", "hidden")}


@pytest.mark.parametrize(
    "given", [[5, 6, 70, 80], {"x": 5, "y": 6, "width": 70, "height": 80}, "5, 6, 70, 80"]
)
def test_a_box_is_sent_as_the_server_takes_it(given: object) -> None:
    """The four numbers may come in the form of a page, a script or a shell."""
    assert sent({"1.crop_region": given})[0] == {"x": 5, "y": 6, "width": 70, "height": 80}


@pytest.mark.parametrize("given", [[[1, 1], [0.5, 0.2], [0, 0], [None, None]], "0 0; 0.5 0.2; 1 1"])
def test_a_curve_is_sent_from_left_to_right(given: object) -> None:
    """The app sorts the curve's rows and leaves out empty rows. The author's interpolation doesn't
    change."""
    points = [[0.0, 0.0], [0.5, 0.2], [1.0, 1.0]]
    assert sent({"2.curve": given})[1] == {"points": points, "interpolation": "linear"}
    old = {"__type__": "CURVE", "__value__": [[0, 0], [1, 1]]}
    assert sent({"2.curve": given}, curve=old)[1] == {"__type__": "CURVE", "__value__": points}


def test_unchanged_values_stay_as_the_author_wrote_them() -> None:
    """Whole numbers stay whole numbers."""
    box, curve = sent({"1.crop_region": [1, 2, 300, 200], "2.curve": [[0.0, 0.0], [1.0, 1.0]]})
    assert (box, curve) == (BOX, CURVE)
    assert curve["points"] == [[0, 0], [1, 1]]
    assert all(isinstance(part, int) for point in curve["points"] for part in point)


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ([1, 2, 3], "Enter four numbers: X and Y from 0, width and height from 1."),
        ([1, 2, 3, None], "Enter a number."),
        ([-1, 0, 5, 5], "Enter four numbers: X and Y from 0, width and height from 1."),
        ([0, 0, 0, 5], "Enter four numbers: X and Y from 0, width and height from 1."),
        (None, "Enter numbers."),
    ],
)
def test_an_invalid_box_is_refused_with_a_sentence(box: object, said: str) -> None:
    """The sentence appears on the field."""
    assert check(form(), {"1.crop_region": box})[1] == {"1.crop_region": said}


@pytest.mark.parametrize(
    ("curve", "said"),
    [
        ([[0, 0]], "A curve needs 2 to 100 points."),
        ([[0, 0], [0, 1]], "Two points can't have the same X."),
        ([[0, 0], [1, None]], "Enter a number."),
        ([[0, 0], [1]], "Each point needs an X and a Y."),
        (None, "Enter numbers."),
    ],
)
def test_an_invalid_curve_is_refused_with_a_sentence(curve: object, said: str) -> None:
    """The sentence appears on the field."""
    assert check(form(), {"2.curve": curve})[1] == {"2.curve": said}
