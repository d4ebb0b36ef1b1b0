"""Values of a form are varied: from the dialog to the sheet, the large result and back into the
form."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
SIZE = {"4.width": 64, "4.height": 64}


def vary(person: Visitor) -> Locator:
    """Open the dialog."""
    person.page.locator("#vary").click()
    return person.page.locator("dialog.vary")


def row_of(dialog: Locator, field: str) -> Locator:
    """The row of a field, which is added where it is not there."""
    row = dialog.get_by_role("group", name=field, exact=True)
    if not row.count():
        dialog.get_by_role("button", name="Add a field").click()
        dialog.locator(".vary-row:last-child > .row-head select").first.select_option(label=field)
    return row


def card_of(person: Visitor) -> Locator:
    """The one card that there is."""
    return person.page.locator("#batches .batch")


def open_sheet(person: Visitor) -> Locator:
    """Open the batch of the one card."""
    card_of(person).get_by_role("button", name="Open", exact=True).click()
    return person.page.locator("dialog.sheet")


def test_a_batch_from_the_dialog_to_its_results(fast: Site, visit: Visit) -> None:
    """The dialog begins with the form's own text and says how many runs come of it. They leave the
    stage alone, and stand in a sheet with their values; each result is to be seen large, and its
    values go back into the form."""
    person = visit(fast).open(**SIZE)
    page = person.page
    dialog = vary(person)
    text = row_of(dialog, "Prompt").get_by_label("Values of Prompt")
    expect(text).to_have_value(person.entry("2.text").input_value())
    text.fill("a red boat\na green boat")
    row_of(dialog, "Steps").get_by_label("Values of Steps").fill("1..3")
    sampler = row_of(dialog, "Sampler")
    sampler.get_by_role("button", name="None").click()
    sampler.get_by_label("heun", exact=True).check()
    expect(dialog.locator(".estimate")).to_contain_text("6 runs")
    dialog.get_by_role("button", name="Start 6 runs").click()
    expect(dialog).to_have_count(0)
    card = card_of(person)
    expect(card.get_by_role("button", name="Open", exact=True)).to_be_focused()
    expect(card).to_contain_text("Finished: 6 of 6 done")
    assert not page.locator("#stage .stage").get_attribute("data-run")

    sheet = open_sheet(person)
    lines = sheet.locator(".line")
    expect(lines).to_have_count(6)
    expect(lines.nth(4)).to_contain_text("a green boat")
    expect(lines.nth(4).locator(".value").nth(1)).to_have_text("Steps2")
    expect(lines.locator(".thumb img")).to_have_count(6)
    sheet.get_by_label("Search rows").fill("red")
    expect(lines).to_have_count(3)
    sheet.get_by_role("button", name="Failed", exact=True).click()
    expect(sheet).to_contain_text("No rows match.")
    sheet.get_by_role("button", name="Done", exact=True).click()
    sheet.get_by_label("Search rows").fill("")
    expect(lines).to_have_count(6)

    sheet.get_by_role("button", name="Gallery").click()
    tiles = sheet.locator(".batch-tile")
    expect(tiles).to_have_count(6)
    tiles.nth(1).get_by_role("button").click()
    large = page.locator("dialog.viewport:modal")
    expect(large.locator(".mark").last).to_contain_text("2 · a red boat · 2")
    page.keyboard.press("ArrowRight")
    expect(large.locator(".mark").last).to_contain_text("3 · a red boat · 3")
    page.keyboard.press("Escape")
    expect(large).to_have_count(0)
    expect(tiles.nth(2).get_by_role("button")).to_be_focused()
    page.go_back()
    expect(sheet).to_have_count(0)

    sheet = open_sheet(person)  # as it was left
    sheet.get_by_role("button", name="Table").click()
    lines.nth(3).get_by_role("button", name="Use these values").click()
    expect(sheet).to_have_count(0)
    expect(person.entry("2.text")).to_have_value("a green boat")
    expect(person.entry("5.steps")).to_have_value("1")
    expect(page.locator("#history .tile")).to_have_count(6)
