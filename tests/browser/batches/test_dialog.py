"""The dialog “Try several values”: errors appear on their row, the dialog keeps everything typed, and
tables can vary fields."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.support.batch_dialog import (
    SMALL,
    card_of,
    open_sheet,
    start_batch,
    values_of_row,
    vary,
    vary_row,
)
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]


def table(text: str) -> dict[str, Any]:
    """Return a CSV file to upload, in Windows-1252 as Excel writes it."""
    return {"name": "values.csv", "mimeType": "text/csv", "buffer": text.encode("cp1252")}


def packed(**files: bytes) -> bytes:
    """Return a ZIP of these files, each with the extension .png, and a text file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(f"in/{name}.png", data)
        made.writestr("in/notes.txt", "no image")
    return archive.getvalue()


def test_an_error_in_a_value_appears_on_its_row(fast: Site, visit: Visit) -> None:
    """The batch doesn't start until the user fixes the error."""
    person = visit(fast).open(**SMALL)
    dialog = vary(person)
    values_of_row(dialog, "Steps").fill("2, many")
    steps = vary_row(dialog, "Steps")
    expect(steps.locator(".problem")).to_have_text("“many”: Enter a whole number.")
    start = dialog.locator(".primary")
    expect(start).to_have_attribute("aria-disabled", "true")
    start.click(force=True)
    person.page.keyboard.press("Control+Enter")
    expect(dialog).to_be_visible()
    expect(dialog.locator(".estimate")).to_have_text("1 problem")
    expect(start).to_have_text("Start")
    steps.get_by_role("textbox").fill("2, 3")
    expect(steps.locator(".problem")).to_have_count(0)


def test_the_dialog_keeps_its_values(fast: Site, visit: Visit) -> None:
    """They are back after Escape and a reload, with their error."""
    person = visit(fast).open(**SMALL)
    page = person.page
    dialog = vary(person)
    values_of_row(dialog, "Steps").fill("2, many")
    steps = vary_row(dialog, "Steps")
    expect(steps.locator(".problem")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("#many-button")).to_be_focused()
    page.reload()
    person.ready()
    dialog = vary(person)
    expect(steps.get_by_role("textbox")).to_have_value("2, many")
    expect(steps.locator(".problem")).to_be_visible()


def test_a_table_replaces_rows_until_it_is_removed(fast: Site, visit: Visit) -> None:
    """An error in a cell names its line. The dialog refuses a spreadsheet file as a table."""
    person = visit(fast).open(**SMALL)
    dialog = vary(person)
    values_of_row(dialog, "Steps").fill("2, 3")
    steps = vary_row(dialog, "Steps")
    values_of_row(dialog, "Prompt").fill("a house")
    dialog.locator(".table-part input[type=file]").set_input_files(
        table("Prompt,Width,Foo\na,wide,b\n")
    )
    place = dialog.get_by_role("group", name="Table")
    expect(place.locator(".problem")).to_have_text(
        [
            "There is no field “Foo”.",
            "Line 2, Width: Enter a whole number.",
        ]
    )
    expect(place.get_by_text("In a cell, {red|green} picks one")).to_be_visible()
    prompt = dialog.get_by_role("group", name="Prompt", exact=True)
    expect(prompt).to_have_count(0)
    expect(steps).to_be_visible()
    expect(steps.locator("select option", has_text=re.compile("^(Prompt|Width)$"))).to_have_count(0)
    place.get_by_role("button", name="Remove the table").click()
    expect(prompt.get_by_role("textbox", name="Prompt")).to_have_value("a house")
    spreadsheet = {**table(""), "name": "rows.xlsx", "buffer": packed(a=b"1")}
    dialog.locator(".table-part input[type=file]").set_input_files(spreadsheet)
    expect(place.locator(".problem")).to_have_text(re.compile("^This isn.t a text table."))
    expect(dialog.locator(".primary")).to_have_text("Start ×2")


def test_a_table_and_a_field_vary_row_by_row(fast: Site, visit: Visit) -> None:
    """Unequal numbers of values are an error below everything. The form's fields are checked, too.
    The sheet shows the table's letters as Excel wrote them."""
    person = visit(fast).open(**SMALL)
    page = person.page
    dialog = vary(person)
    steps = values_of_row(dialog, "Steps")
    steps.fill("2, 3")
    start = dialog.locator(".primary")
    rows = "Prompt\na boat\na ship\nein Bär\n"
    dialog.locator(".table-part input[type=file]").set_input_files(table(rows))
    expect(start).to_have_text("Start ×6")
    seeds = dialog.get_by_role("group", name="Seed")
    expect(seeds.get_by_label("Same seed for all runs")).to_be_checked()
    dialog.get_by_label("Pair in order").check()
    expect(dialog.locator(".foot .problem")).to_contain_text("the same number of values")
    steps.fill("1..3")
    page.keyboard.press("Escape")
    person.type("4.width", "")
    dialog = vary(person)
    dialog.get_by_role("button", name="Start ×3", exact=True).click()
    expect(dialog.locator(".foot .problem")).to_contain_text("Width")
    page.keyboard.press("Escape")
    person.type("4.width", 256)
    start_batch(vary(person), 3)
    expect(card_of(person)).to_contain_text("Finished: 3 of 3 done")
    assert not page.locator("#stage .headline").inner_text().startswith("Can't")
    sheet = open_sheet(person)
    expect(sheet.locator(".line").nth(2).locator(".value")).to_have_text(
        ["Promptein Bär", "Steps3"]
    )
