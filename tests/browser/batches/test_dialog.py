"""The dialog “Vary values”: errors appear on their row, the dialog keeps everything typed, and
files and texts can vary."""

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


def test_errors_appear_on_their_row_and_nothing_is_lost(fast: Site, visit: Visit) -> None:
    """An error in a value appears on its field, and an error in a cell on its row. Unequal pairs
    and errors in the form's other fields appear below everything. The batch doesn't start until the
    user fixes them. The dialog refuses a spreadsheet file as a table. The user's input is back
    after Escape, after a reload, and after removing a table that replaced a field."""
    person = visit(fast).open(**SMALL)
    page = person.page
    dialog = vary(person)
    values_of_row(dialog, "Steps").fill("2, many")
    steps = vary_row(dialog, "Steps")
    expect(steps.locator(".problem")).to_have_text("“many”: Enter a whole number.")
    start = dialog.locator(".primary")
    expect(start).to_have_attribute("aria-disabled", "true")
    start.click(force=True)
    page.keyboard.press("Control+Enter")
    expect(dialog).to_be_visible()

    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("#vary")).to_be_focused()
    page.reload()
    person.ready()
    dialog = vary(person)
    expect(steps.get_by_role("textbox")).to_have_value("2, many")
    expect(steps.locator(".problem")).to_be_visible()
    expect(dialog.locator(".estimate")).to_have_text("1 problem")
    expect(start).to_have_text("Start")
    steps.get_by_role("textbox").fill("2, 3")
    expect(steps.locator(".problem")).to_have_count(0)

    texts = values_of_row(dialog, "Prompt")
    texts.fill("a house on a hill, " * 20)
    assert texts.evaluate("box => box.scrollHeight <= box.clientHeight"), "all of it is seen"
    texts.fill("a house")
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
    expect(prompt.get_by_label("Values of Prompt")).to_have_value("a house")
    spreadsheet = {**table(""), "name": "rows.xlsx", "buffer": packed(a=b"1")}
    dialog.locator(".table-part input[type=file]").set_input_files(spreadsheet)
    expect(place.locator(".problem")).to_have_text(re.compile("^This isn.t a text table."))
    expect(start).to_have_text("Start 2 runs")
    rows = "Prompt\na boat\na ship\nein Bär\n"
    dialog.locator(".table-part input[type=file]").set_input_files(table(rows))
    expect(start).to_have_text("Start 6 runs")
    seeds = dialog.get_by_role("group", name="Seed")
    expect(seeds.get_by_label("The same for all runs")).to_be_checked()
    dialog.get_by_label("Row by row").check()
    expect(dialog.locator(".foot .problem")).to_contain_text("the same number of values")
    steps.get_by_role("textbox").fill("1..3")
    page.keyboard.press("Escape")
    person.type("4.width", "")
    dialog = vary(person)
    dialog.get_by_role("button", name="Start 3 runs").click()
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
