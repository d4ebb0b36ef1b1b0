"""Fields with several numbers: an area of an image, and curves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import (
    Inputs,
    NodeClass,
    NodeResult,
    NodeRun,
    fixed,
    node_info,
    spec,
)
from comfyui_standin.nodes.registry import NODES
from tests.support.batch_dialog import card_of, start_batch, values_of_row, vary, vary_row
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor

BOX = {"x": 0, "y": 0, "width": 512, "height": 512}
IS_KEPT = "value => Object.values(sessionStorage).some(kept => kept.includes(value))"
LINKED = {"1.crop_region": "0,0,32,512", "1.curve": "0,0,1,0.25"}  # in an address
CURVE = {"points": [[0, 0], [1, 1]], "interpolation": "linear"}


def told(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Return the node's inputs as text."""
    return NodeResult((), {"text": [json.dumps(dict(inputs), sort_keys=True)]})


SHAPES = NodeClass(
    fixed(
        node_info(
            "Shapes",
            "Shapes",
            "test",
            required={"crop_region": spec("BOUNDING_BOX"), "curve": spec("CURVE")},
            output_node=True,
        )
    ),
    told,
)


@pytest.fixture
def site(tmp_path: Path, nothing_left_behind: None) -> Iterator[Site]:
    """Run a site with a workflow that has a box and a curve."""
    prompt = {"1": {"class_type": "Shapes", "inputs": {"crop_region": BOX, "curve": CURVE}}}
    (tmp_path / "shapes.json").write_text(json.dumps(prompt))
    with (
        DemoServer(step_seconds=0, nodes=NODES | {"Shapes": SHAPES}) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        yield Site(app.url, demo, app)


@pytest.fixture
def person(site: Site, visit: Visit) -> Iterator[Visitor]:
    """Yield a user of the site, who leaves it before it ends."""
    person = visit(site)
    yield person
    person.leave()


def test_a_box_reports_an_invalid_value(person: Visitor) -> None:
    """The error stays until the four numbers are valid."""
    person.open("shapes")
    box = person.field("1.crop_region")
    width = box.get_by_label("Width")
    expect(width).to_have_value("512")
    width.fill("0")
    width.blur()
    person.press()
    error = box.locator(".field-error")
    expect(error).to_have_text("Enter four numbers: X and Y from 0, width and height from 1.")
    box.get_by_label("X", exact=True).fill("8")
    person.page.wait_for_function(IS_KEPT, arg="[8,0,0,512]")
    expect(error).to_be_visible()
    box.get_by_label("X", exact=True).fill("0")
    width.fill("64")
    width.blur()
    expect(error).to_have_count(0)


def test_shapes_reach_the_server_and_stay(person: Visitor) -> None:
    """A box has four numbers, and a curve has points with numbers. The server gets them, and a reload
    keeps them."""
    page = person.open("shapes").page
    width = person.field("1.crop_region").get_by_label("Width")
    curve = person.field("1.curve")
    width.fill("64")
    width.blur()
    point = curve.get_by_role("button", name="Point 2: X 1, Y 1")
    point.press("Shift+ArrowDown")
    curve.get_by_text("Numbers").click()
    last = curve.get_by_label("Y").last
    expect(last).to_have_value("0.9")
    last.fill("0.5")
    page.wait_for_function(IS_KEPT, arg="[1,0.5]")
    person.press()
    person.phase("done")
    sent = {"crop_region": BOX | {"width": 64}, "curve": CURVE | {"points": [[0, 0], [1, 0.5]]}}
    run_id = str(page.evaluate("document.querySelector('#stage .stage').dataset.run"))
    assert person.site.prompt_of(run_id)["1"]["inputs"] == sent
    page.reload()
    person.ready()
    expect(width).to_have_value("64")
    expect(last).to_have_value("0.5")


def test_a_curve_is_drawn_with_mouse_and_keyboard(person: Visitor) -> None:
    """Points are dragged, added by a double click or Enter, and removed by Delete. Two remain."""
    page = person.open("shapes").page
    curve = person.field("1.curve")
    points = curve.locator(".handle")
    curve.locator(".plot").dblclick(position={"x": 60, "y": 60})
    expect(points).to_have_count(3)
    expect(points.nth(1)).to_be_focused()
    points.nth(1).hover()
    page.mouse.down()
    plot = curve.locator(".plot").bounding_box()
    assert plot
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 4, steps=4)
    page.mouse.up()
    expect(points.nth(1)).to_have_accessible_name("Point 2: X 0.5, Y 0.75")
    page.keyboard.press("ArrowLeft")
    expect(points.nth(1)).to_have_accessible_name("Point 2: X 0.49, Y 0.75")
    page.keyboard.press("Enter")
    expect(points).to_have_count(4)
    for left in (3, 2, 2):
        page.keyboard.press("Delete")
        expect(points).to_have_count(left)


def test_a_box_is_drawn_with_mouse_and_keyboard(person: Visitor) -> None:
    """The box and its corner move by arrow keys, and dragging on the area draws a new box. The
    numbers follow, and the box stays inside."""
    page = person.open("shapes").page
    box = person.field("1.crop_region")
    numbers = [box.get_by_label(name, exact=True) for name in ("X", "Y", "Width", "Height")]
    expect(numbers[2]).to_have_value("512")
    box.get_by_role("button", name="Resize the box").press("Shift+ArrowLeft")
    box.get_by_role("button", name="Move the box").press("ArrowRight")
    page.keyboard.press("ArrowUp")
    for number, value in zip(numbers, ("1", "0", "502", "512"), strict=True):
        expect(number).to_have_value(value)
    numbers[2].fill("64")
    box.locator(".area").hover()  # its center, once the page has stopped moving
    area = box.locator(".area").bounding_box()
    assert area
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"], area["y"] + area["height"], steps=4)
    page.mouse.up()
    for number in numbers:
        expect(number).to_have_value(re.compile("25[4-8]"))


def test_shapes_reset_and_come_back_from_a_run(person: Visitor) -> None:
    """The user can reset each field or the whole form, and reuse the values of a run. A field's own
    Reset names the author's value."""
    page = person.open("shapes", **LINKED).page
    width = person.field("1.crop_region").get_by_label("Width")
    last = person.field("1.curve").get_by_label("Y").last
    expect(width).to_have_value("32")
    expect(last).to_have_value("0.25")
    person.press()
    person.phase("done")
    person.for_form("Reset")
    expect(width).to_have_value("512")
    expect(last).to_have_value("1")
    person.act("Reuse settings")
    expect(width).to_have_value("32")
    expect(last).to_have_value("0.25")
    marks = page.locator(".put-back")
    expect(marks).to_have_count(2)
    page.get_by_role("button", name="Reset: Crop region").click()
    expect(width).to_have_value("512")
    expect(marks).to_have_attribute("title", "Author's value: 0, 0, 1, 1")
    page.get_by_role("button", name="Reset: Curve").click()
    expect(last).to_have_value("1")
    expect(marks).to_have_count(0)


def test_several_shapes_make_a_batch(person: Visitor) -> None:
    """Each line is a box, or a curve. A curve with too few points is an error."""
    person.open("shapes", **LINKED)
    dialog = vary(person)
    boxes, curves = (values_of_row(dialog, name) for name in ("Crop region", "Curve"))
    boxes.fill("0, 0, 32, 512\n0, 0, 64, 64")
    curves.fill("0 0, 1 0.25\n0 0")
    problem = vary_row(dialog, "Curve").locator(".problem")
    expect(problem).to_have_text("“0 0”: A curve needs 2 to 100 points.")
    curves.fill("0 0, 1 0.25\n0 0, 0.5 0.5, 1 1")
    start_batch(dialog, 4)
    expect(card_of(person)).to_contain_text("4 of 4 done")
