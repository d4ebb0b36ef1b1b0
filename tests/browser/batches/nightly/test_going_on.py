"""A batch on its way: paused, found again after a reload, continued, stopped, mended, deleted; and
how it looks at every size."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from comfy.base.messages import message
from tests.browser.batches.test_going_on import Visit
from tests.browser.nightly.walk.states import Walker, at_every_size
from tests.support.batch_dialog import (
    SMALL,
    card_of,
    open_sheet,
    start_batch,
    values_of_row,
    vary,
    vary_row,
)
from tests.support.visitor import Site
from ui.languages.catalogues import Languages

# Whether the button of each row is within it and beside its state, whatever is written on it.
HAS_ROOM = """(words) => {
    const uses = [...document.querySelectorAll(".sheet .use button")];
    for (const use of uses) use.textContent = words;
    return [...document.querySelectorAll(".sheet .line")].every((line) => {
        const at = (what) => line.querySelector(what).getBoundingClientRect();
        const use = at(".use button");
        return use.right <= line.getBoundingClientRect().right + 1 && use.left >= at(".state").right
            && use.right <= document.querySelector(".sheet .scroll").clientWidth;
    });
}"""


@pytest.fixture
def walker(fast: Site, visit: Visit) -> Walker:
    """Somebody who looks at every state at several sizes, light and dark."""
    return Walker(visit(fast))


def test_batches_have_their_place_at_every_size(walker: Walker) -> None:
    """The dialog with something wrong in it, the card, and the sheet as table and as gallery, with
    rows that have failed: nothing is cut off, covered, too small, or keeps anybody away."""
    person = walker.person.open(**SMALL)
    dialog = vary(person)
    values_of_row(dialog, "Prompt").fill("a red boat\na green boat, far out at sea")
    values_of_row(dialog, "Steps").fill("2, many")
    vary_row(dialog, "Sampler")
    expect(dialog.locator(".problem")).to_have_count(1)
    walker.look("the dialog", "laptop")
    walker.read("the dialog", "dialog.vary")
    values_of_row(dialog, "Steps").fill("2")
    dialog.get_by_role("button", name="Remove Sampler").click()
    model = vary_row(dialog, "Model")
    model.get_by_role("button", name="All").click()
    broken = model.get_by_role("checkbox").count()
    start_batch(dialog, 2 * broken)
    card = card_of(person)
    expect(card).to_contain_text("Finished")
    walker.look("a card", "tablet")
    walker.read("a card", "#batches")
    sheet = open_sheet(person)
    expect(sheet.locator(".line[data-state=failed]").first).to_be_visible()
    sheet.locator("[data-state=failed] .no-thumb").first.click()
    expect(sheet.get_by_role("dialog")).to_contain_text("The model file on the server")
    expect(sheet.get_by_role("dialog").get_by_role("button")).to_have_text(
        ["Close", "Reuse settings"]
    )
    expect(sheet.get_by_role("dialog").locator("summary")).to_have_text("Technical details")
    walker.look("why a row failed")
    person.page.keyboard.press("Escape")
    expect(sheet.get_by_role("dialog")).to_have_count(0)
    walker.look("the table", "tablet")
    walker.read("the table", "dialog.sheet")
    for size in at_every_size(person.page):
        for tag, language in Languages().all.items():
            words = language.text(message("Reuse settings"))
            assert person.page.evaluate(HAS_ROOM, words), (tag, size)
    sheet.get_by_role("button", name="Gallery").click()
    expect(sheet.locator(".batch-tile").first).to_be_visible()
    walker.look("the gallery", "laptop")
    walker.read("the gallery", "dialog.sheet")
    walker.all_well()


def test_arrows_go_on_where_rows_are_not_known_yet(fast: Site, visit: Visit) -> None:
    """Of more rows than are asked for at once those behind the last of them are asked for then."""
    person = visit(fast).open(**SMALL, **{"5.steps": 1})
    page = person.page
    dialog = vary(person)
    dialog.get_by_role("button", name="Remove Prompt").click()
    values_of_row(dialog, "Seed").fill("1..103")
    start_batch(dialog, 103)
    expect(card_of(person)).to_contain_text("Finished: 103 of 103 done", timeout=120_000)
    sheet = open_sheet(person, "Gallery")
    sheet.locator(".batch-tile").first.get_by_role("button").click()
    large = page.locator("dialog.viewport:modal")
    for number in range(1, 104):
        expect(large.locator(".mark").last).to_contain_text(f"Row {number} ·")
        page.keyboard.press("ArrowRight")
    expect(large.get_by_role("button", name="Next")).to_be_disabled()
    person.leave()
