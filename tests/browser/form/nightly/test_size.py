"""Width and height as one size: its aspect ratio is seen and chosen."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.form.test_size import Visit, pressed, size
from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site


def test_the_authors_own_size_is_a_chip(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """A size with none of the ratios has a chip of its own, which brings it back exactly; on a phone
    no chip is lower than a thumb, and none is beyond the edge."""
    prompt = json.loads((WORKFLOWS / "text-to-image.json").read_text())
    prompt["4"]["inputs"] |= {"width": 840, "height": 1200}
    (tmp_path / "tall.json").write_text(json.dumps(prompt))
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        small = visit(Site(app.url, fast.demo, app), viewport={"width": 390, "height": 844})
        person = small.open("tall")
        expect(pressed(person)).to_have_text("840\N{MULTIPLICATION SIGN}1200")
        person.page.get_by_role("button", name="1:1").click()
        expect(pressed(person)).to_have_text("1:1")
        person.page.get_by_role("button", name="840\N{MULTIPLICATION SIGN}1200").click()
        expect(pressed(person)).to_have_text("840\N{MULTIPLICATION SIGN}1200")
        assert size(person) == (840, 1200)
        for chip in person.page.locator(".chip").all():
            box = chip.bounding_box()
            assert box
            assert box["height"] >= 40
            assert box["x"] + box["width"] <= 390
        person.leave()
