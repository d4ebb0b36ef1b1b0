"""The strip beside the stage: the run in progress and the latest results."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.history_tiles import ONE
from tests.support.visitor import Site, Visit


def test_the_latest_results_stand_beside_the_stage(slow: Site, visit: Visit) -> None:
    """A single result needs no strip. The run in progress comes first, with its percentage, then
    the results, newest first. The arrow keys lead from one to the next, and a press shows it. A
    window with one column has no strip. The header and the form stay in view as results scroll."""
    person = visit(slow).open(**ONE)
    page = person.page
    strip = page.get_by_role("list", name="Latest results")
    tiles = strip.get_by_role("button")
    first = person.generate()
    expect(strip).to_be_hidden()
    person.type("5.steps", 4)
    with slow.demo.hold("progress", after=2) as run:
        person.press()
        person.frames(1)
        expect(tiles).to_have_count(2)
        expect(tiles.first).to_have_accessible_name(re.compile(r"^Text to image: \d+%$"))
        expect(tiles.first).to_have_attribute("aria-pressed", "true")
        tiles.last.click()
        expect(page.locator(f'#stage .stage[data-run="{first}"]')).to_be_visible()
        tiles.first.click()
        expect(tiles.first).to_have_attribute("aria-pressed", "true")
        run.release()
    second = person.done(after=first)
    expect(tiles.first.locator("img")).to_have_attribute(
        "src", f"{slow.url}/files/{second}/0/thumb"
    )
    expect(tiles).to_have_count(2)
    tiles.first.focus()
    page.keyboard.press("ArrowDown")
    expect(tiles.last).to_be_focused()
    page.keyboard.press("Enter")
    expect(tiles.last).to_have_attribute("aria-pressed", "true")
    expect(page.locator(f'#stage .media img[src*="{first}"]')).to_be_visible()
    page.set_viewport_size({"width": 1366, "height": 650})
    room = page.locator("#stage .strip").evaluate("strip => strip.offsetHeight - 6")
    assert room % 68 == 60, "no tile is cut"
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    for part in ("#picker", "#generate"):
        expect(page.locator(part)).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Advanced").click()
    beside = page.locator("#form-side").evaluate("one => one.scrollWidth - one.clientWidth")
    assert beside == 0, "a long form has one column"
    page.set_viewport_size({"width": 820, "height": 1180})
    expect(strip).to_be_hidden()
