"""A finished batch: its gallery, and a row's values in the form."""

from __future__ import annotations

import re
import zipfile

from playwright.sync_api import expect

from tests.browser.batches.test_batches import SPEC, VALUES, Visit
from tests.support.batch_dialog import (
    SMALL,
    begin_batch,
    card_of,
    finished_batch,
    open_sheet,
    values_of_row,
    vary,
    vary_row,
)
from tests.support.visitor import Site


def test_the_gallery_enlarges_results(fast: Site, visit: Visit) -> None:
    """Arrow keys lead to the neighbors, and each Escape leads one step back: to the tile, then to
    the card."""
    person = visit(fast).open(**SMALL)
    page = person.page
    card = finished_batch(person, SPEC, **VALUES)
    sheet = open_sheet(person, "Gallery")
    tiles = sheet.locator(".batch-tile")
    expect(tiles).to_have_count(6)
    tiles.nth(1).get_by_role("button").click()
    large = page.locator("dialog.viewport:modal")
    expect(large.locator(".mark").last).to_contain_text("a red boat · Steps 2")
    page.keyboard.press("ArrowRight")
    expect(large.locator(".mark").last).to_contain_text("a red boat · Steps 3")
    page.keyboard.press("Escape")
    expect(large).to_have_count(0)
    expect(tiles.nth(2).get_by_role("button")).to_be_focused()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(card.get_by_role("button", name="Open", exact=True)).to_be_focused()


def test_a_row_s_values_go_back_into_the_form(fast: Site, visit: Visit) -> None:
    """If the app refuses them, the stage says why and keeps that message in sight."""
    person = visit(fast).open(**SMALL)
    page = person.page
    finished_batch(person, SPEC, **VALUES)
    sheet = open_sheet(person, "Table")
    lines = sheet.locator(".line")
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


def test_the_table_finds_rows_by_text_and_state(fast: Site, visit: Visit) -> None:
    """The sheet lists each row with its values and an image."""
    person = visit(fast).open(**SMALL)
    finished_batch(person, SPEC, **VALUES)
    sheet = open_sheet(person)
    lines = sheet.locator(".line")
    expect(lines).to_have_count(6)
    expect(lines.nth(4)).to_contain_text("a green boat")
    expect(lines.nth(4).locator(".value").nth(1)).to_have_text("Steps2")
    expect(lines.locator(".thumb img")).to_have_count(6)
    sheet.get_by_role("searchbox", name="Search", exact=True).fill("red")
    expect(lines).to_have_count(3)
    states = sheet.get_by_role("combobox", name="State", exact=True)
    states.select_option("Failed")
    expect(sheet).to_contain_text("No results.")
    states.select_option("Done")
    sheet.get_by_role("searchbox", name="Search", exact=True).fill("")
    expect(lines).to_have_count(6)


def test_downloads_all_results_with_a_table(fast: Site, visit: Visit) -> None:
    """The user chooses the names of the files. A wrong pattern offers no download and lists the
    words that a name may have."""
    person = visit(fast).open(**SMALL)
    finished_batch(person, SPEC, **VALUES)
    sheet = open_sheet(person, "Gallery")
    expect(sheet.locator(".batch-tile")).to_have_count(6)
    sheet.get_by_role("button", name="Table").click()
    sheet.get_by_role("button", name="Download").click()
    sheet.get_by_role("menuitem", name="Results with table (ZIP)").click()
    pattern = sheet.get_by_label("File name")
    pattern.fill("{row}-{stepz}")
    expect(sheet.locator(".problem")).to_contain_text("File names can't contain {stepz}")
    expect(sheet.locator("#batch-download .primary")).to_have_css("opacity", "0.45")
    expect(sheet.locator(".problem")).to_contain_text("{row}, {workflow}, {seed}, {")
    expect(sheet.get_by_role("link", name="Download")).to_have_count(0)
    pattern.fill("{row}-{workflow}")
    with person.page.expect_download() as saving:
        sheet.get_by_role("link", name="Download").click()
    with zipfile.ZipFile(saving.value.path()) as kept:
        names = kept.namelist()
        assert sum(name.endswith(".png") for name in names) == 6, names
        table = kept.read("results.csv").decode("utf-8-sig")
    assert len(table.splitlines()) == 7
    assert "a green boat" in table


def test_the_dialog_starts_a_batch_of_form_values(fast: Site, visit: Visit) -> None:
    """The dialog starts with the form's own text, seed and selected choices, and shows the number
    of runs. The batch's sheet opens automatically. Closing it leads to the card, which reports that
    the runs are done. The empty stage shows the last result, which leads to the batch."""
    person = visit(fast).open(**SMALL)
    page = person.page
    person.keep_seed(41)
    page.locator(".seed-mode input[value=counting]").check()
    dialog = vary(person)
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
    expect(card).to_be_attached()  # behind the sheet, once the news of the batch has come
    page.keyboard.press("Escape")
    expect(page.locator("dialog.sheet")).to_have_count(0)
    expect(card.get_by_role("button", name="Open", exact=True)).to_be_focused()
    expect(card).to_contain_text("6 of 6 done")
    expect(card.locator("strong")).to_have_text("Text to image · Prompt × Steps × Sampler")
    latest = page.locator("#history .tile").first.get_attribute("data-run")
    stage = page.locator(f'#stage .stage[data-run="{latest}"]')
    expect(stage.get_by_role("button", name="Show the batch")).to_be_visible()
    sent = [fast.prompt_of(run.id)["5"]["inputs"] for run in fast.app.runs.known()[-6:]]
    assert {(inputs["seed"], inputs["sampler_name"]) for inputs in sent} == {(41, "heun")}
