"""A long history: only visible results are in the page, but the user can reach all of them."""

from __future__ import annotations

from dataclasses import replace

from playwright.sync_api import expect
from sqlalchemy import insert

from comfy.records.record import Record
from comfy.records.rows import row_of
from comfy.records.tables import runs
from tests.support.history_tiles import ONE, image_of, make, owner_of, tile, tiles
from tests.support.serving import changing
from tests.support.visitor import Site, Visit, Visitor

TEN_THOUSAND, A_DAY = 10_000, 137
BARS = """[...document.querySelectorAll("#history, #history *")].filter((one) =>
    one.scrollHeight > one.clientHeight + 1 && getComputedStyle(one).overflowY !== "visible"
    && one.closest(".tile") === null && one.checkVisibility()).map((one) => one.outerHTML)"""
MOST_IN_PAGE = 200
SCROLL_TO = """run => {
    const isThere = document.querySelector(`#history .tile[data-run="${run}"]`) !== null;
    if (!isThere) scrollBy(0, 300);
    return isThere;
}"""


def one_result(person: Visitor) -> tuple[str, Record]:
    """Create a result, and return its id and its history record."""
    run_id = make(person, "a lighthouse")
    history = person.site.services.runs.history
    record = history.get(run_id, owner_of(person.site, run_id))
    assert record is not None
    return run_id, record


def many_more(site: Site, record: Record, many: int) -> None:
    """Add copies of this run, each older than the last. Insert them in a single statement, as
    separate ones take long."""
    ended = record.state.finished_at or 0.0
    rows = []
    for number in range(many):
        at = ended - (number + 1) * 86400 / A_DAY
        one = replace(record, id=f"r{number:05}", state=replace(record.state, finished_at=at))
        rows.append({"id": one.id, **row_of(one, at)})
    with changing(site.app.data) as connection:
        connection.execute(insert(runs), rows)


def test_very_many_results(fast: Site, visit: Visit) -> None:
    """The results flow with the page, which holds few tiles at any scroll position. Keys, the
    scroll bar and the arrows of the large view reach results that weren't loaded. The search box
    and the favorites filter stay in place, however few results remain."""
    many = TEN_THOUSAND
    person = visit(fast).open(**ONE)
    first, record = one_result(person)
    many_more(fast, record, many)
    person.page.reload()
    person.ready()
    expect(tile(person, "r00000")).to_be_visible()
    assert tiles(person).count() < MOST_IN_PAGE
    go_on_past_what_is_loaded(person, first)

    person.find()
    box = person.page.get_by_role("searchbox", name="Search", exact=True)
    box.focus()
    person.page.evaluate(
        "scrollBy(0, document.querySelector('#history').getBoundingClientRect().top - 130)"
    )
    before = box.bounding_box()
    box.fill("lighthouse")
    expect(tile(person, first)).to_be_visible()
    box.fill("zz")
    expect(tiles(person)).to_have_count(0)
    assert box.bounding_box() == before
    box.fill("")
    expect(tile(person, first)).to_be_visible()
    only = person.page.get_by_role("button", name="Favorites")
    before = only.bounding_box()
    only.click()
    expect(person.page.get_by_text("No favorites with this workflow yet.")).to_be_visible()
    assert only.bounding_box() == before
    only.click()
    expect(tile(person, first)).to_be_visible()
    assert only.bounding_box() == before

    tile(person, first).focus()
    person.page.keyboard.press("ArrowRight")
    expect(tile(person, "r00000")).to_be_focused()
    person.page.keyboard.press("End")
    last = f"r{many - 1:05}"
    expect(tile(person, last)).to_be_focused()
    expect(tile(person, last)).to_be_in_viewport()
    assert tiles(person).count() < MOST_IN_PAGE
    person.page.keyboard.press("ArrowLeft")
    expect(tile(person, f"r{many - 2:05}")).to_be_focused()

    person.page.evaluate(
        """() => {
            const box = document.querySelector("#history .days").getBoundingClientRect();
            scrollBy(0, box.top + box.height / 2);
        }"""
    )
    # r0499… and r0500…, or with a place less.
    about = f"r{many // 2 - 1:05}".rstrip("9"), f"r{many // 2:05}".rstrip("0")
    middle = person.page.locator(", ".join(f"#history li[data-run^={one}]" for one in about))
    expect(middle.first).to_be_attached()
    assert tiles(person).count() < MOST_IN_PAGE
    expect(person.page.locator("#history li.unknown")).to_have_count(0)
    assert person.page.evaluate(BARS) == []
    expect(box).to_be_in_viewport()
    middle.first.locator(".tile").press("Home")
    expect(tile(person, first)).to_be_focused()
    person.page.keyboard.press("Enter")
    expect(image_of(person, first)).to_be_visible()


def go_on_past_what_is_loaded(person: Visitor, first: str) -> None:
    """Check that the large view moves from result to result beyond the first page of the list."""
    person.page.wait_for_function(SCROLL_TO, arg="r00055")
    tile(person, "r00055").focus()
    for _ in range(2):
        person.page.keyboard.press("ArrowRight")
    expect(tile(person, "r00057")).to_be_focused()
    person.page.keyboard.press("Enter")
    expect(image_of(person, "r00057")).to_be_visible()
    image_of(person, "r00057").click()
    following = person.page.get_by_role("button", name="Next", exact=True)
    for number in range(58, 61):
        expect(following).to_be_enabled()
        following.click()
        expect(image_of(person, f"r{number:05}")).to_be_visible()
    person.page.keyboard.press("Escape")
    expect(person.page.locator("dialog:modal")).to_have_count(0)
