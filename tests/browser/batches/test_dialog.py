"""The dialog “Try several values”: errors appear on their row, the dialog keeps everything typed, and
tables can vary fields."""

from __future__ import annotations

import io
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
