"""The overview of workflows that an app with many of them starts with."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import expect

from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site, Visit


def test_an_app_with_many_workflows_starts_with_an_overview(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """With more than twelve workflows, the plain address shows a card for each, in folders that can be
    searched and filtered. A card opens its form, Back returns to the overview, and a link to a
    workflow still opens its form."""
    folder = shutil.copytree(WORKFLOWS, tmp_path / "workflows")
    (folder / "Portraits").mkdir()
    for name in ("hard-light", "soft-light"):
        shutil.copy(folder / "upscale.json", folder / "Portraits" / f"{name}.json")
    with running_app(fast.demo.url, workflows=folder) as app:
        person = visit(Site(app.url, fast.demo, app))
        page = person.page
        page.goto(app.url)
        start = page.get_by_role("region", name="Workflows")
        cards = start.get_by_role("listitem")
        expect(start.get_by_role("heading", level=1)).to_have_text("Choose a workflow")
        expect(page.locator("#columns")).to_be_hidden()
        start.get_by_role("searchbox").fill("light")
        expect(cards).to_have_count(2)
        start.get_by_role("searchbox").fill("")
        start.get_by_role("button", name="Portraits", exact=True).press("Enter")
        expect(start.get_by_role("button", name="Portraits", exact=True)).to_be_focused()
        expect(cards).to_have_count(2)
        cards.filter(has_text="Soft light").get_by_role("link").click()
        expect(page.locator("#heading h1")).to_have_text("Soft light")
        expect(start).to_have_count(0)
        page.go_back()
        expect(start.get_by_role("heading", name="Recent")).to_be_visible()
        page.goto(f"{app.url}/?workflow=inpaint")
        expect(page.locator("#heading h1")).to_have_text("Inpaint")
        expect(start).to_have_count(0)
        person.leave()
