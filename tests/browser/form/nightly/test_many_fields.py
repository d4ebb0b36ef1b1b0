"""A section with many fields, grouped by node and searchable."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from playwright.sync_api import expect

from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site, Visit


def test_many_fields_are_grouped_and_searched(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """Each node's fields appear below its title. A search shows fields whose label or node contains
    all the words. The form clears the search if an error is on a hidden field."""
    prompt = json.loads((WORKFLOWS / "text-to-image.json").read_text())
    for number in range(20, 25):
        prompt[f"{number}"] = copy.deepcopy(prompt["5"])
        prompt[f"{number}"]["_meta"] = {"title": f"Pass {number}"}
        prompt[f"{number}"]["inputs"]["latent_image"] = [str(number - 1 if number > 20 else 5), 0]
    prompt["6"]["inputs"]["samples"] = ["24", 0]
    (tmp_path / "many.json").write_text(json.dumps(prompt))
    # A slider would limit a wrong number.
    (tmp_path / "many.toml").write_text(
        'others = "auto"\n[fields."21.cfg"]\ngroup = "advanced"\nwidget = "number"\n'
    )
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        person = visit(Site(app.url, fast.demo, app)).open("many")
        person.unfold()
        section = person.page.locator("#form .section", has_text="Advanced")
        titles = section.locator("h3")
        expect(titles.filter(has_text="Pass 22")).to_be_visible()
        titles_before = titles.count()
        search = section.get_by_role("searchbox", name="Search fields")
        search.fill("22 sched")
        expect(person.field("22.scheduler")).to_be_visible()
        expect(section.locator("[id^=field-]:visible")).to_have_count(1)
        expect(section.locator("h3:visible")).to_have_text("Pass 22")
        search.fill("pass cfg")
        expect(section.locator("[id^=field-]:visible")).to_have_count(5)
        search.fill("nothing of the kind")
        expect(section.get_by_role("status")).to_have_text("No results.")
        search.fill("")
        expect(section.locator("h3:visible")).to_have_count(titles_before)
        person.type("21.cfg", "999")
        search.fill("22")
        expect(person.field("21.cfg")).to_be_hidden()
        person.press()
        expect(person.field("21.cfg").locator(".field-error")).to_be_visible()
        expect(search).to_have_value("")
        person.leave()
