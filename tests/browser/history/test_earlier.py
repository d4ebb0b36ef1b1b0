"""Earlier results: the user can find, search, view, reuse and repeat them."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.history_tiles import ONE, choose, make, tile, tiles
from tests.support.visitor import Site, Visit


def test_a_result_is_found_and_reused(fast: Site, visit: Visit) -> None:
    """Results are listed newest first, also after a reload. A search keeps the results with its
    words. Reuse settings fills in the values of the result on the stage."""
    person = visit(fast).open(**ONE)
    first = make(person, "a tall lighthouse")
    second = make(person, "a boat & <b>")
    person.page.reload()
    person.ready()
    expect(tiles(person)).to_have_count(2)
    assert tiles(person).evaluate_all("all => all.map((one) => one.dataset.run)") == [second, first]
    person.find()
    person.page.get_by_role("searchbox", name="Search", exact=True).fill("LIGHTHOUSE tall")
    expect(tiles(person)).to_have_count(1)
    choose(person, first)
    expect(tile(person, first)).to_have_attribute("aria-pressed", "true")
    reuse = person.page.locator("#stage .actions").get_by_role("button", name="Reuse settings")
    reuse.click()  # of an earlier result, it is in the row
    expect(person.entry("2.text")).to_have_value("a tall lighthouse")
    person.press_keys()
    again = person.done(after=first)
    assert fast.prompt_of(again) == fast.prompt_of(first)
