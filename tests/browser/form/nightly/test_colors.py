"""Color fields."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import expect

from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import NodeClass, fixed, node_info, spec
from comfyui_standin.nodes.registry import NODES
from tests.browser.form.nightly.test_shapes import told
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit

COLORS = NodeClass(
    fixed(
        node_info(
            "Colors",
            "Colors",
            "test",
            required={"color": spec("COLOR"), "number": spec("INT", display="color")},
            output_node=True,
        )
    ),
    told,
)


def test_a_color_is_chosen(visit: Visit, tmp_path: Path, nothing_left_behind: None) -> None:
    """On a phone, the field's button is large enough for a finger, and stays visible if its color
    matches the page. The server gets text or a number, as it expects. The color survives a reload,
    a link can set it, and the field's own Reset restores the author's color."""
    inputs = {"color": "#ffffff", "number": 255}
    (tmp_path / "colors.json").write_text(
        json.dumps({"1": {"class_type": "Colors", "inputs": inputs}})
    )
    (tmp_path / "colors.toml").write_text('[fields."1.color"]\n[fields."1.number"]\n')
    with (
        DemoServer(step_seconds=0, nodes=NODES | {"Colors": COLORS}) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        site = Site(app.url, demo, app)
        person = visit(site, viewport={"width": 390, "height": 844}).open("colors")
        page = person.page
        for key, wanted in (("1.color", "#00ff80"), ("1.number", "#000100")):
            opens = person.field(key).get_by_role("button").first
            box = opens.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 40
            assert opens.evaluate("one => parseFloat(getComputedStyle(one).borderWidth)") >= 1
            opens.click()
            text = person.field(key).get_by_role("textbox")
            text.fill(wanted)
            text.press("Enter")
            page.locator("#heading h1").click()
            expect(text).to_have_count(0)
        expect(page.locator(".put-back")).to_have_count(2)
        page.reload()
        person.ready()
        expect(page.locator(".put-back")).to_have_count(2)
        person.press()
        person.phase("done")
        run_id = str(page.evaluate("document.querySelector('#stage .stage').dataset.run"))
        sent = site.prompt_of(run_id)["1"]["inputs"]
        assert sent == {"color": "#00ff80", "number": 256}
        page.locator("#tabs").get_by_role("button", name="Form").click()
        page.get_by_role("button", name="Reset: Color", exact=True).click()
        expect(page.locator(".put-back")).to_have_count(1)
        person.open("colors", **{"1.color": "#112233"})
        shown = person.field("1.color").get_by_role("button").first
        expect(shown).to_have_css("background-color", "rgb(17, 34, 51)")
        person.leave()
