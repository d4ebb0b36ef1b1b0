"""Favourites, and what is done with one result or several: deleted, brought back, downloaded,
compared."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.history.test_many import Visit
from tests.browser.stage.test_results import SOUND
from tests.support.history_tiles import (
    tiles,
)
from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site


def test_other_results_side_by_side(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """Videos that play, sounds and texts are compared like images, each with the others."""
    words = {
        "1": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "a boat"}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    video = json.loads((WORKFLOWS / "animation.json").read_text())
    del video["9"]  # the animated image
    video["1"]["inputs"]["ckpt_name"] = "demo-landscapes.safetensors"
    video["5"]["inputs"]["steps"] = video["7"]["inputs"]["steps"] = 1
    video["6"]["inputs"]["amount"] = 3
    for name, prompt in (("words", words), ("video", video), ("sound", SOUND)):
        (tmp_path / f"{name}.json").write_text(json.dumps(prompt))
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        person, run = visit(Site(app.url, fast.demo, app)), ""
        for name in ("words", "video", "sound"):
            (person.turn_to if run else person.open)(name).press()
            run = person.ended(after=run)
        person.page.get_by_label("History of").select_option("All workflows")
        expect(tiles(person)).to_have_count(3)
        for at in range(3):
            tiles(person).nth(at).click(modifiers=["Control"])
        person.page.get_by_role("button", name="Compare").click()
        dialog = person.page.get_by_role("dialog", name="Compare results")
        expect(dialog.locator("figure")).to_have_count(3)
        expect(dialog.locator("audio")).to_be_visible()
        expect(dialog.locator("figure .text")).to_have_text("a boat")
        expect(dialog.locator("video")).to_have_js_property("videoWidth", 512)
        expect(dialog.locator("tbody tr").first).to_contain_text("Workflow")
        person.leave()
