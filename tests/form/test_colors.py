"""Colors: the app turns a picker's value into the server's format."""

from __future__ import annotations

import random

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.form.model import Form
from tests.support.samples.forms import node, workflow_of

NODES = {
    "EmptyImage": {
        "input": {
            "required": {
                "color": ["INT", {"default": 0, "min": 0, "max": 0xFFFFFF, "display": "color"}],
            }
        },
        "output": ["IMAGE"],
        "name": "EmptyImage",
    },
    "Painter": {
        "input": {
            "required": {
                "image": ["IMAGE"],
                "bg_color": ["COLOR", {"default": "#000000", "socketless": True}],
                "edge": ["STRING", {"default": "", "display": "color"}],
            }
        },
        "output": [],
        "name": "Painter",
        "output_node": True,
    },
}
PROMPT = {
    "1": node("EmptyImage", color=255),
    "2": node("Painter", image=["1", 0], bg_color="#FFFFFF", edge=""),
}


def form() -> Form:
    """Return the form of both nodes, on a server that has them."""
    return build_form(workflow_of(PROMPT), Catalog(NODES))


def test_colors_get_a_picker() -> None:
    """The picker appears for numbers and texts shown as colors, and for the color type. A text that
    is no color has no picker."""
    widgets = {field.key: field.widget for field in form().fields}
    assert widgets == {"1.color": "color", "2.bg_color": "color", "2.edge": "text"}


@pytest.mark.parametrize(
    ("picked", "number", "text"),
    [
        ("#ff8800", 0xFF8800, "#ff8800"),
        ("#f80", 0xFF8800, "#ff8800"),
        ("#ff8800cc", 0xFF8800, "#ff8800"),
        ("rgba(255, 136.4, 0.2, 0.5)", 0xFF8800, "#ff8800"),
        ("rgb(255,136,0)", 0xFF8800, "#ff8800"),
        ("hsl(0, 100%, 50%)", 0xFF0000, "#ff0000"),
        ("rgba(255, 255, 255, 1)", 0xFFFFFF, "#FFFFFF"),
        (0xFF8800, 0xFF8800, "#ff8800"),
    ],
)
def test_a_picked_color_is_sent_in_the_servers_format(
    picked: object, number: int, text: str
) -> None:
    """The app accepts any picker's format. The author's own color keeps the author's spelling."""
    clean, errors = check(form(), {"1.color": picked, "2.bg_color": picked})
    assert errors == {}
    prompt, _ = fill(workflow_of(PROMPT), form(), clean, random.Random(1))
    assert prompt["1"]["inputs"]["color"] == number
    assert prompt["2"]["inputs"]["bg_color"] == text


@pytest.mark.parametrize(
    ("picked", "text"),
    [
        ("#ff8800", "#ff880080"),
        ("#ff8800cc", "#ff8800cc"),
        ("#112233", "#11223380"),
        ("#112233ff", "#112233ff"),
    ],
)
def test_a_picked_color_keeps_the_authors_transparency(picked: str, text: str) -> None:
    """Pickers without transparency change the color only."""
    painter = node("Painter", image=["1", 0], bg_color="#11223380", edge="")
    workflow = workflow_of(PROMPT | {"2": painter})
    form = build_form(workflow, Catalog(NODES))
    clean, errors = check(form, {"2.bg_color": picked})
    assert errors == {}
    filled, _ = fill(workflow, form, clean, random.Random(1))
    assert filled["2"]["inputs"]["bg_color"] == text


def test_a_number_typed_in_a_shell_is_a_color() -> None:
    """The check takes the value that `--set 1.color=255` gives."""
    assert check(form(), {"1.color": "255"})[0]["1.color"] == 255


@pytest.mark.parametrize("value", ["", None, "sky", "rgb(1,2)", -1, 2**24, True, [1], "#" * 10_000])
def test_an_invalid_color_is_refused_with_a_sentence(value: object) -> None:
    """The sentence appears on the field."""
    assert check(form(), {"1.color": value})[1] == {"1.color": "Choose a color, such as #ff8800."}
