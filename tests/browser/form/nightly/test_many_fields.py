"""A section with many fields, grouped by node and searchable. A large form draws a group when the
user opens it."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from playwright.sync_api import expect

from tests.support.large_graphs import write_large
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


def test_a_large_form_draws_a_group_when_it_is_opened(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """The user changes a field of one of many nodes and fixes all seeds. The values are sent and
    kept without being on the page. An error opens the group of its field."""
    with running_app(fast.demo.url, workflows=write_large(tmp_path / "large", 120)) as app:
        site = Site(app.url, fast.demo, app)
        person = visit(site)
        person.page.goto(f"{app.url}/?workflow=large-120")
        person.ready()
        advanced = person.page.locator("#form .section button.label-wrap", has_text="Advanced")
        cfg, other = person.field("33.cfg"), person.field("43.cfg")
        advanced.click()
        groups = person.page.locator("[data-opens]")
        expect(groups.filter(has_text="KSampler").first).to_be_visible()
        person.page.get_by_role("searchbox", name="Search fields").fill("ksampler")
        expect(groups.filter(has_text="Empty").first).to_be_hidden()
        person.page.locator('[data-opens="section--33"]').click()
        expect(person.page.locator("h3[data-open]")).to_be_focused()
        person.page.locator("#seeds input[value=fixed]").check()
        person.type("33.cfg", "3.5")
        advanced.click()
        expect(advanced).to_have_attribute("data-changes", "· 1 changed")
        sent = site.prompt_of(person.generate())
        assert (sent["33"]["inputs"]["cfg"], sent["43"]["inputs"]["cfg"]) == (3.5, 7.0)
        person.page.reload()
        person.ready()
        expect(cfg).to_have_count(0)
        again = site.prompt_of(person.generate())
        assert [again[node]["inputs"] for node in ("33", "43")] == [
            sent[node]["inputs"] for node in ("33", "43")
        ]
        wrong = json.dumps({"43.cfg": 999})
        person.page.evaluate(f"sessionStorage['comfyforms.values.large-120'] = '{wrong}'")
        person.page.reload()
        person.ready()
        expect(other).to_have_count(0)
        person.press()
        expect(other.locator(".field-error")).to_have_text("Maximum 100.")
        person.leave()
