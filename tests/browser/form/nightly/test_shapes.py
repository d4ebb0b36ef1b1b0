"""Fields with several numbers: an area of an image, and curves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from comfy.demo import DemoServer
from comfy.demo.nodes.base import Inputs, NodeClass, NodeRun, fixed
from comfy.demo.nodes.describe import node_info, spec
from comfy.demo.nodes.registry import NODES
from comfy.demo.nodes.values import NodeResult
from tests.support.batch_dialog import card_of, start_batch, values_of_row, vary, vary_row
from tests.support.serving import running_app
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
BOX = {"x": 0, "y": 0, "width": 512, "height": 512}
IS_KEPT = "value => Object.values(sessionStorage).some(kept => kept.includes(value))"
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


def test_a_box_and_a_curve_are_filled_in(
    visit: Visit, tmp_path: Path, nothing_left_behind: None
) -> None:
    """A box has four numbers, and a curve has a table of points. The values reach the server,
    survive a reload, and can come from a run or a link. The user can reset each field or the whole
    form. The field reports an invalid value. Several values, one per line, make a batch."""
    prompt = {"1": {"class_type": "Shapes", "inputs": {"crop_region": BOX, "curve": CURVE}}}
    (tmp_path / "shapes.json").write_text(json.dumps(prompt))
    with (
        DemoServer(step_seconds=0, nodes=NODES | {"Shapes": SHAPES}) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        site = Site(app.url, demo, app)
        person = visit(site).open("shapes")
        page = person.page
        box, curve = person.field("1.crop_region"), person.field("1.curve")
        width = box.get_by_label("Width")
        expect(width).to_have_value("512")
        width.fill("0")
        width.blur()
        person.press()
        error = box.locator(".field-error")
        expect(error).to_have_text("Enter four numbers: X and Y from 0, width and height from 1.")
        box.get_by_label("X", exact=True).fill("8")
        page.wait_for_function(IS_KEPT, arg="[8,0,0,512]")
        expect(error).to_be_visible()
        box.get_by_label("X", exact=True).fill("0")
        width.fill("64")
        width.blur()
        expect(error).to_have_count(0)
        last = curve.get_by_role("gridcell").nth(3)
        last.dblclick()
        expect(curve.locator("textarea:focus, input:focus")).to_have_count(1)
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type("0.5")
        page.keyboard.press("Enter")
        page.wait_for_function(IS_KEPT, arg='[1,"0.5"]')
        person.press()
        person.phase("done")
        sent = {"crop_region": BOX | {"width": 64}, "curve": CURVE | {"points": [[0, 0], [1, 0.5]]}}
        run_id = str(page.evaluate("document.querySelector('#stage .stage').dataset.run"))
        assert site.prompt_of(run_id)["1"]["inputs"] == sent
        page.reload()
        person.ready()
        expect(width).to_have_value("64")
        expect(last).to_contain_text("0.5")
        page.get_by_role("button", name="Reset", exact=True).click()
        expect(width).to_have_value("512")
        expect(last).to_contain_text("1")
        page.get_by_role("button", name="Reuse settings").click()
        expect(width).to_have_value("64")
        expect(last).to_contain_text("0.5")
        marks = page.locator(".put-back")
        expect(marks).to_have_count(2)
        page.get_by_role("button", name="Reset Crop region").click()
        expect(width).to_have_value("512")
        expect(marks).to_have_attribute(
            "title", "The author\N{RIGHT SINGLE QUOTATION MARK}s value: 0, 0, 1, 1"
        )
        page.get_by_role("button", name="Reset Curve").click()
        expect(last).to_contain_text("1")
        expect(marks).to_have_count(0)
        person.open("shapes", **{"1.crop_region": "0,0,32,512", "1.curve": "0,0,1,0.25"})
        expect(width).to_have_value("32")
        expect(last).to_contain_text("0.25")
        dialog = vary(person)
        boxes, curves = (values_of_row(dialog, name) for name in ("Crop region", "Curve"))
        boxes.fill("0, 0, 32, 512\n0, 0, 64, 64")
        curves.fill("0 0, 1 0.25\n0 0")
        problem = vary_row(dialog, "Curve").locator(".problem")
        expect(problem).to_have_text("“0 0”: A curve needs 2 to 100 points.")
        curves.fill("0 0, 1 0.25\n0 0, 0.5 0.5, 1 1")
        start_batch(dialog, 4)
        expect(card_of(person)).to_contain_text("Finished: 4 of 4 done")
        person.leave()
