"""Varying a form's values: from the dialog to the sheet, the large result and back into the
form."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.nightly.walk.states import SIZES
from tests.support.batch_dialog import (
    SMALL,
    begin_batch,
    card_of,
    open_sheet,
    values_of_row,
    vary,
    vary_row,
)
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]


def test_a_batch_from_the_dialog_to_its_results(fast: Site, visit: Visit) -> None:
    """The dialog starts with the form's own text, seed and selected choices, and shows the number
    of runs. The batch's sheet opens automatically. Closing it leads to a card in view. The runs
    leave the stage alone, so only the card reports that they are done. The sheet lists them with
    their values. Each result can be enlarged, and its values go back into the form. On the stage, a
    result links to the sheet, and the sheet links back to the result."""
    person = visit(fast).open(**SMALL)
    page = person.page
    person.keep_seed(41)
    page.locator(".seed-mode input[value=counting]").check()
    dialog = vary(person)
    sheet = page.locator("dialog.sheet")
    text = values_of_row(dialog, "Prompt")
    expect(text).to_have_value(person.entry("2.text").input_value())
    text.fill("a red boat\na green boat")
    values_of_row(dialog, "Steps").fill("1..3")
    sampler = vary_row(dialog, "Sampler")
    expect(sampler.locator(".choice-list label").first).to_have_text("dpmpp_2m")
    expect(sampler.locator(".choice-list input").first).to_be_checked()
    sampler.get_by_label("heun", exact=True).check()
    expect(sampler).to_contain_text(re.compile(r"2 of \d+ selected"))
    sampler.get_by_label("dpmpp_2m", exact=True).uncheck()
    expect(sampler).to_contain_text(re.compile(r"1 of \d+ selected"))
    expect(dialog.locator(".estimate")).to_contain_text("6 runs")
    begin_batch(dialog, 6)
    expect(page.locator("#spoken")).to_have_text("The batch has started.")
    card = card_of(person)
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
    expect(card).to_contain_text("Finished: 6 of 6 done")
    expect(card.locator("strong")).to_contain_text("Text to image · Prompt a red boat, ")
    assert not page.locator("#stage .stage").get_attribute("data-run")
    expect(page.locator("#stage .empty")).to_contain_text("The last image you made")
    expect(page.locator("#stage .headline")).to_be_empty()
    expect(page.get_by_role("button", name="Show the batch")).to_have_count(0)

    sheet = open_sheet(person)
    lines = sheet.locator(".line")
    expect(lines).to_have_count(6)
    expect(lines.nth(4)).to_contain_text("a green boat")
    expect(lines.nth(4).locator(".value").nth(1)).to_have_text("Steps2")
    expect(lines.locator(".thumb img")).to_have_count(6)
    sheet.get_by_label("Search rows").fill("red")
    expect(lines).to_have_count(3)
    states = sheet.get_by_label("Rows to show")
    states.select_option("Failed")
    expect(sheet).to_contain_text("No rows match.")
    states.select_option("Done")
    sheet.get_by_label("Search rows").fill("")
    expect(lines).to_have_count(6)

    sheet.get_by_role("button", name="Gallery").click()
    tiles = sheet.locator(".batch-tile")
    expect(tiles).to_have_count(6)
    tiles.nth(1).get_by_role("button").click()
    large = page.locator("dialog.viewport:modal")
    expect(large.locator(".mark").last).to_contain_text("Row 2 · a red boat · Steps 2")
    page.keyboard.press("ArrowRight")
    expect(large.locator(".mark").last).to_contain_text("Row 3 · a red boat · Steps 3")
    page.keyboard.press("Escape")
    expect(large).to_have_count(0)
    expect(tiles.nth(2).get_by_role("button")).to_be_focused()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(card.get_by_role("button", name="Open", exact=True)).to_be_focused()
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

    sheet = open_sheet(person, "Gallery")
    expect(tiles).to_have_count(6)
    sheet.get_by_role("button", name="Table").click()
    sheet.get_by_role("button", name="Download…").click()
    pattern = sheet.get_by_label("Names of the files")
    pattern.fill("{row}-{stepz}")
    expect(sheet.locator(".problem")).to_contain_text("{stepz} can't be used in file names")
    expect(sheet.locator("#batch-download .primary")).to_have_css("opacity", "0.45")
    expect(sheet.locator(".problem")).to_contain_text("{row}, {workflow}, {seed}, {")
    expect(sheet.get_by_role("link", name="Results with table (ZIP)")).to_have_count(0)
    pattern.fill("{row}-{workflow}")
    with page.expect_download() as saving:
        sheet.get_by_role("link", name="Results with table (ZIP)").click()
    with zipfile.ZipFile(saving.value.path()) as kept:
        names = kept.namelist()
        assert sum(name.endswith(".png") for name in names) == 6, names
        table = kept.read("results.csv").decode("utf-8-sig")
    assert len(table.splitlines()) == 7
    assert "a green boat" in table
    refused = {"detail": "This form is gone.", "hint": "Choose another."}
    page.route("**/values", lambda route: route.fulfill(status=422, json=refused))
    lines.nth(3).get_by_role("button", name="Reuse settings").click()
    expect(page.locator("#stage .headline")).to_have_text("This form is gone.")
    expect(page.locator("#stage .advice")).to_have_text("Choose another.")
    # A result of that row would replace this message.
    assert not page.locator("#stage .stage").get_attribute("data-run")
    page.unroute("**/values")
    person.forgive("422")
    sheet = open_sheet(person, "Table")
    lines.nth(3).get_by_role("button", name="Reuse settings").click()
    expect(sheet).to_have_count(0)
    expect(person.entry("2.text")).to_have_value("a green boat")
    expect(person.entry("5.steps")).to_have_value("1")
    expect(person.entry("5.seed")).to_have_value("41")
    expect(page.locator("#history .tile")).to_have_count(6)
    page.locator("#history .tile").first.click()
    link = page.locator("#stage").get_by_role("button", name="Part of a batch")
    link.click()
    expect(sheet).to_contain_text("Finished: 6 of 6 done")
    page.keyboard.press("Escape")
    expect(link).to_be_focused()
