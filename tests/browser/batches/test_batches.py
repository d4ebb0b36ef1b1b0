"""A batch on the page: from the dialog to its card, its sheet, and back into the form."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable

from playwright.sync_api import expect

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
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
SPEC = {
    "axes": [
        {"field": "2.text", "text": "a red boat\na green boat"},
        {"field": "5.steps", "text": "1..3"},
    ]
}
VALUES = {**SMALL, "5.seed": 41}


def test_the_dialog_starts_a_batch_of_form_values(fast: Site, visit: Visit) -> None:
    """The dialog starts with the form's own text, seed and selected choices, and shows the number
    of runs. The batch's sheet opens automatically. Closing it leads to the card, which alone
    reports that the runs are done: they leave the stage as it is."""
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
    expect(card).to_contain_text("Finished: 6 of 6 done")
    expect(card.locator("strong")).to_contain_text("Text to image · Prompt a red boat, ")
    assert not page.locator("#stage .stage").get_attribute("data-run")
    expect(page.locator("#stage .empty")).to_contain_text("Your latest result")
    expect(page.locator("#stage .headline")).to_be_empty()
    expect(page.get_by_role("button", name="Show the batch")).to_have_count(0)
    sent = [fast.prompt_of(run.id)["5"]["inputs"] for run in fast.app.runs.known()[-6:]]
    assert {(inputs["seed"], inputs["sampler_name"]) for inputs in sent} == {(41, "heun")}


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
    sheet.get_by_role("button", name="Download…").click()
    pattern = sheet.get_by_label("File name")
    pattern.fill("{row}-{stepz}")
    expect(sheet.locator(".problem")).to_contain_text("File names can't contain {stepz}")
    expect(sheet.locator("#batch-download .primary")).to_have_css("opacity", "0.45")
    expect(sheet.locator(".problem")).to_contain_text("{row}, {workflow}, {seed}, {")
    expect(sheet.get_by_role("link", name="Results with table (ZIP)")).to_have_count(0)
    pattern.fill("{row}-{workflow}")
    with person.page.expect_download() as saving:
        sheet.get_by_role("link", name="Results with table (ZIP)").click()
    with zipfile.ZipFile(saving.value.path()) as kept:
        names = kept.namelist()
        assert sum(name.endswith(".png") for name in names) == 6, names
        table = kept.read("results.csv").decode("utf-8-sig")
    assert len(table.splitlines()) == 7
    assert "a green boat" in table
