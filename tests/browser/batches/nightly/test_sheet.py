"""A batch's sheet opens once, closes to where the user was, and links to its results."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.batches.test_batches import SPEC, VALUES, Visit
from tests.browser.nightly.walk.states import SIZES
from tests.support.batch_dialog import (
    SMALL,
    begin_batch,
    card_of,
    finished_batch,
    values_of_row,
    vary,
)
from tests.support.visitor import Site


def test_closing_a_sheet_leads_to_its_card(fast: Site, visit: Visit) -> None:
    """The card is in view and its button has the focus, whether the sheet opened by itself or by
    that button."""
    person = visit(fast).open(**SMALL)
    page = person.page
    dialog = vary(person)
    values_of_row(dialog, "Steps").fill("1, 2")
    begin_batch(dialog, 2)
    sheet, card = page.locator("dialog.sheet"), card_of(person)
    back = card.get_by_role("button", name="Open", exact=True)
    for size, leave in (
        (SIZES["laptop"], page.go_back),
        (SIZES["desktop"], lambda: page.keyboard.press("Escape")),
    ):
        page.set_viewport_size(size)
        page.evaluate("scrollTo(0, 0)")
        if not sheet.count():
            back.evaluate("button => button.click()")
            expect(sheet).to_be_visible()
        leave()
        expect(sheet).to_have_count(0)
        expect(back).to_be_focused()
        expect(card).to_be_in_viewport(ratio=1)


def test_a_double_click_opens_one_sheet(fast: Site, visit: Visit) -> None:
    """Also after a click that couldn't open the sheet, because the app didn't answer."""
    person = visit(fast).open(**SMALL)
    page, sheet = person.page, person.page.locator("dialog.sheet")
    card = finished_batch(person, {"axes": [{"field": "5.steps", "text": "1, 2"}]}, **VALUES)
    opening = card.get_by_role("button", name="Open", exact=True)
    page.route("**/batches/*", lambda route: route.abort())
    opening.click()
    expect(page.locator("#stage .headline")).to_have_text("Can't reach ComfyForms.")
    page.unroute("**/batches/*")
    person.forgive("ERR_FAILED")
    opening.dblclick()
    expect(sheet).to_be_visible()
    expect(sheet).to_have_count(1)
    page.go_back()
    expect(sheet).to_have_count(0)


def test_a_result_and_its_batch_link_to_each_other(fast: Site, visit: Visit) -> None:
    """A result from the history links to the sheet, and closing the sheet leads back to the link.
    The sheet has an address: a reload, a bookmark and the browser's history lead to it."""
    person = visit(fast).open(**SMALL)
    page = person.page
    finished_batch(person, SPEC, **VALUES)
    expect(page.locator("#history .tile")).to_have_count(6)
    page.locator("#history .tile").first.click()
    # The caption, with the link, is drawn again once the image's size is known.
    expect(page.locator("#stage .made-from")).to_contain_text("256 \N{MULTIPLICATION SIGN} 256")
    link = page.locator("#stage").get_by_role("button", name="Show the batch")
    link.click()
    expect(page.locator("dialog.sheet")).to_contain_text("6 of 6 done")
    page.keyboard.press("Escape")
    expect(link).to_be_focused()
    sheet, address = page.locator("dialog.sheet"), re.compile("&batch=")
    expect(page).not_to_have_url(address)
    page.go_forward()
    expect(sheet).to_contain_text("6 of 6 done")
    sheet.get_by_role("button", name="Enlarge").first.click()
    expect(page.locator("dialog.viewport:modal .mark").last).to_contain_text("Steps")
    page.keyboard.press("Escape")
    expect(page).to_have_url(address)
    bookmark = page.url
    page.reload()
    expect(sheet).to_contain_text("6 of 6 done")
    page.go_back()
    expect(sheet).to_have_count(0)
    expect(page).not_to_have_url(address)
    page.goto(bookmark)
    expect(sheet).to_contain_text("6 of 6 done")
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(address)
    person.ready()
