"""Buttons don't move in the batch dialog and its sheet."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.nightly.walk.states import SIZES, at_every_size
from tests.support.batch_dialog import SMALL, begin_batch, values_of_row, vary, vary_row
from tests.support.visitor import Site, Visit

PLACE = "one => { const { x, y } = one.getBoundingClientRect(); return [x, y]; }"
# Return how much of the last visible row shows where a scrolling list ends.
PART = """list => {
    const { bottom } = list.getBoundingClientRect();
    const heights = [...list.children].map((one) => one.getBoundingClientRect());
    const last = heights.find((one) => one.top < bottom && one.bottom > bottom);
    return last ? (bottom - last.top) / last.height : 0;
}"""
# Return the gap between the name of a grid's rows and the first value above them. Read both in a
# single call, because the page redraws the grid.
AIR = """() => {
    const [down, first] = [".corner .down", "thead th:not(.corner)"].map((one) => {
        const words = document.createRange();
        words.selectNodeContents(document.querySelector(`.grid-view ${one}`));
        return words.getBoundingClientRect();
    });
    return first.left - down.right;
}"""


def test_a_pressed_button_does_not_move(fast: Site, visit: Visit) -> None:
    """Opening the dialog moves nothing behind it. A list that is too long for its space is cut off
    within a row and shows its number of choices. The three view buttons stay in place, whichever
    the user presses. The name of a grid's rows keeps its distance from the values above it. Earlier
    batches look like buttons."""
    person = visit(fast, viewport=SIZES["desktop"]).open(**SMALL)
    page = person.page
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    box = page.locator("#stage .box")
    before = box.evaluate(PLACE)
    dialog = vary(person)
    assert box.evaluate(PLACE) == before
    a_long_list_says_that_it_goes_on(vary_row(dialog, "Sampler"))
    dialog.get_by_role("button", name="Remove: Sampler").click()
    values_of_row(dialog, "Prompt").fill("a boat\na kite")
    values_of_row(dialog, "Steps").fill("1, 2")
    begin_batch(dialog, 4)
    views = page.locator("dialog.sheet .views")
    for _ in at_every_size(page):
        places = []
        for name in ("Grid", "Table", "Gallery"):
            views.get_by_role("button", name=name).click()
            places.append(views.evaluate(PLACE))
        assert places == places[:1] * 3
    page.set_viewport_size(SIZES["desktop"])
    views.get_by_role("button", name="Grid").click()
    expect(page.locator(".grid-view .corner .down")).to_be_visible()
    assert page.evaluate(AIR) >= 12
    page.keyboard.press("Escape")
    vary(person).get_by_role("button", name="Earlier batches").click()
    entry = page.locator("#batch-list li button")
    expect(entry).to_have_css("border-top-width", "1px")
    for _ in range(2):
        page.keyboard.press("Escape")


def a_long_list_says_that_it_goes_on(sampler: Locator) -> None:
    """Check on a desktop and on a phone that the list is cut off within a row."""
    count = sampler.locator(".choice-list label").count()
    expect(sampler).to_contain_text(f"1 of {count} selected")
    for _ in at_every_size(sampler.page):
        assert 0.2 < sampler.locator(".choice-list").evaluate(PART) < 0.8
    sampler.page.set_viewport_size(SIZES["desktop"])
