"""The header of the history: the search and the selection."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.nightly.walk.states import SIZES
from tests.support.visitor import Site, Visit

TOP = "one => one.getBoundingClientRect().top"
GROUND = "one => getComputedStyle(one).backgroundColor"
# Return how much wider the search box is than its placeholder, and the colors of both.
SEARCH = """box => {
    const style = getComputedStyle(box);
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = style.font;
    const room = box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return [room - pen.measureText(box.placeholder).width,
        style.color, getComputedStyle(box, "::placeholder").color];
}"""


def test_a_pressed_button_does_not_move(fast: Site, visit: Visit) -> None:
    """Even at the end of the page, Select changes to Done in the same position, and the selection
    bar appears below it. An active filter has a filled button and a solid star."""
    person = visit(fast, viewport=SIZES["desktop"]).open(**{"5.steps": 1})
    page = person.page
    person.generate()
    head = page.locator("#history header")
    expect(page.locator("#history .tile")).to_have_count(1)
    person.find()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    select = head.locator(".select")
    before = select.evaluate(TOP)
    for name in ("Done", "Select"):
        select.click()
        expect(select).to_have_text(name)
        assert abs(select.evaluate(TOP) - before) < 1
    favourites = head.get_by_role("button", name="Favorites")
    off = favourites.evaluate(GROUND)
    favourites.click()
    expect(favourites).to_have_attribute("data-icon", "star-filled")
    page.locator("h1").hover()
    assert favourites.evaluate(GROUND) != off
    favourites.click()
    expect(favourites).to_have_attribute("data-icon", "star")


def test_the_unfolded_search_waits_for_typing(fast: Site, visit: Visit) -> None:
    """The first click on a result of a short list counts, though it takes the focus."""
    person = visit(fast, viewport=SIZES["laptop"]).open(**{"5.steps": 1})
    page = person.page
    person.generate()
    person.generate()
    tile = page.locator("#history .tile").last
    person.find()
    expect(page.locator("#history header input")).to_be_focused()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    box = tile.bounding_box()
    assert box
    page.mouse.click(box["x"] + 20, box["y"] + 20)
    expect(tile).to_have_attribute("aria-pressed", "true")


def test_the_search_placeholder_fits(fast: Site, visit: Visit) -> None:
    """The search placeholder fits in French on a laptop. It looks different from typed text, and
    the heading keeps its distance."""
    person = visit(fast, viewport=SIZES["laptop"], locale="fr-FR").open(**{"5.steps": 1})
    person.generate()
    person.find()
    search = person.page.locator("#history header input")
    room, typed, word = search.evaluate(SEARCH)
    assert room > 0
    assert typed != word
    assert gap(person.page, "#history h2", "#history select") >= 8


def gap(page: Page, one: str, other: str) -> float:
    """Return the distance between the text of one element and the left edge of the other."""
    return float(
        page.evaluate(
            """([one, other]) => {
                const words = document.createRange();
                words.selectNodeContents(document.querySelector(one));
                return document.querySelector(other).getBoundingClientRect().left
                    - words.getBoundingClientRect().right;
            }""",
            [one, other],
        )
    )
