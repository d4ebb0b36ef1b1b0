"""The dialog “Try several values” with long texts, replaced words, files, and tables that name files."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

from playwright.sync_api import expect

from tests.browser.nightly.walk.states import SIZES
from tests.support.batch_dialog import (
    SMALL,
    card_of,
    finished_batch,
    open_sheet,
    start_batch,
    values_of_row,
    vary,
    vary_row,
)
from tests.support.samples.media import saved
from tests.support.visitor import Site, Visit


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


RIGHT = "(one) => one.getBoundingClientRect().right"
DROPPED = """(files) => {
    const transfer = new DataTransfer();
    for (const [name, type, bytes] of files)
        transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
    return transfer;
}"""
PASTE = """(place, cells) => {
    const transfer = new DataTransfer();
    transfer.setData("text/plain", cells);
    transfer.items.add(new File(["cells"], "cells.png", { type: "image/png" }));
    const pasted = { bubbles: true, cancelable: true, clipboardData: transfer };
    return place.dispatchEvent(new ClipboardEvent("paste", pasted));
}"""
ZIP = {"name": "p.zip", "mimeType": "application/zip"}


def test_a_long_text_is_seen_in_full(fast: Site, visit: Visit) -> None:
    """The box of a row's values grows with its text."""
    person = visit(fast).open(**SMALL)
    texts = values_of_row(vary(person), "Prompt")
    texts.fill("a house on a hill, " * 20)
    assert texts.evaluate("box => box.scrollHeight <= box.clientHeight"), "all of it is seen"


def test_the_controls_of_a_row_end_together(fast: Site, visit: Visit) -> None:
    """On a phone, the way to vary ends where the box of values does. The arrow has its room."""
    person = visit(fast).open("image-to-image")
    prompt = vary_row(vary(person), "Prompt")
    expect(prompt.locator("select").first).to_have_css("padding-right", "28px")
    person.page.set_viewport_size(SIZES["phone"])
    ends = [prompt.locator(part).evaluate(RIGHT) for part in (".way", "textarea")]
    assert ends[0] == ends[1]


def test_words_of_the_text_are_replaced(fast: Site, visit: Visit) -> None:
    """Replacing words of the form's own text gives a row per replacement. Nothing runs, and nothing
    is wrong, before the user fills in a replacement. A line with commas can be split."""
    person = visit(fast).open("image-to-image")
    dialog = vary(person)
    prompt = vary_row(dialog, "Prompt")
    prompt.get_by_label("How to vary Prompt").select_option(label="Replace words")
    first = person.entry("2.text").input_value().split()[0]
    expect(prompt.get_by_label("Replace with")).to_have_value("")
    expect(dialog.locator(".estimate")).to_be_empty()  # it has been asked what would run
    expect(prompt.locator(".problem")).to_have_count(0)
    expect(dialog.locator(".primary")).to_have_attribute("aria-disabled", "true")
    prompt.get_by_label("Replace with").fill("red, purple")
    prompt.get_by_role("button", name="Split at commas?").click()
    expect(prompt.get_by_label("Replace with")).to_have_value("red\npurple")
    expect(prompt.get_by_role("button", name="Split at commas?")).to_be_hidden()
    prompt.get_by_label("Replace with").fill("purple")
    expect(prompt.locator(".problem")).to_have_text("Enter the text to find.")
    prompt.get_by_label("Find").fill(first)
    expect(prompt.locator(".problem")).to_have_count(0)
    image = vary_row(dialog, "Your image")
    archive = ZIP | {"buffer": packed(p10=saved("PNG"), p9=saved("PNG"))}
    image.locator("input[type=file]").set_input_files([archive])  # type: ignore[list-item]
    expect(dialog.locator(".primary")).to_have_text("Start ×4")


def test_images_vary_as_files_or_in_a_zip(fast: Site, visit: Visit) -> None:
    """The user can choose or drop images. The app stores them at once, sorts a ZIP by
    name, and leaves out files of another kind that came with images."""
    person = visit(fast).open("image-to-image")
    dialog = vary(person)
    image = vary_row(dialog, "Your image")
    archive = ZIP | {"buffer": packed(p10=saved("PNG"), p9=saved("PNG"))}
    image.locator("input[type=file]").set_input_files([archive])  # type: ignore[list-item]
    left_out = image.locator(".files").get_by_role("status")
    expect(left_out).to_have_text("2 files added. Left out: notes.txt.")
    expect(image.get_by_role("alert")).to_be_empty()
    expect(image.locator("li img")).to_have_count(2)
    assert [one.get_attribute("alt") for one in image.locator("li img").all()] == [
        "in/p9.png",
        "in/p10.png",
    ]
    image.get_by_role("button", name="Remove: in/p9.png").click()
    expect(image.get_by_role("button", name="Remove: in/p10.png")).to_be_focused()
    expect(left_out).to_be_empty()
    dropped = person.page.evaluate_handle(DROPPED, [["one.png", "image/png", [*saved("PNG")]]])
    dialog.locator("h2").dispatch_event("drop", {"dataTransfer": dropped})
    expect(dialog.locator(".primary")).to_have_text("Start ×2")


def test_refuses_other_files_by_name(fast: Site, visit: Visit) -> None:
    """The dialog marks and names a broken image. It refuses a file of another kind, also in a ZIP."""
    person = visit(fast).open("image-to-image")
    image = vary_row(vary(person), "Your image")
    chosen = image.locator("input[type=file]")
    archive = ZIP | {"buffer": packed(p10=saved("PNG"))}
    chosen.set_input_files([archive])  # type: ignore[list-item]
    left_out = image.locator(".files").get_by_role("status")
    expect(left_out).to_contain_text("Left out: notes.txt.")
    broken = {"name": "broken.png", "mimeType": "image/png", "buffer": b"no image"}
    chosen.set_input_files([broken])  # type: ignore[list-item]
    expect(image.locator(".problems .problem")).to_contain_text(
        ["“broken.png”: Choose an image file"]
    )
    expect(image.locator("li")).to_have_class(["", "wrong"])
    expect(image.locator("li.wrong .name")).to_have_text("broken.png")
    image.get_by_role("button", name="Remove: broken.png").click()
    expect(image.locator(".problems")).to_be_empty()
    text = {"name": "words.txt", "mimeType": "text/plain", "buffer": b"words"}
    chosen.set_input_files([text])  # type: ignore[list-item]
    expect(image.get_by_role("alert")).to_contain_text("words.txt: Choose an image file")
    expect(left_out).to_be_empty()
    archive["buffer"] = packed()
    chosen.set_input_files([archive])  # type: ignore[list-item]
    expect(image.get_by_role("alert")).to_contain_text("notes.txt: Choose an image file")


def test_a_table_names_files_of_its_zip(fast: Site, visit: Visit) -> None:
    """The user drops the table together with the ZIP. A name that isn't in the ZIP is an error of
    its line, after the upload."""
    person = visit(fast).open("image-to-image")
    steps = person.entry("8.steps").input_value()
    dialog = vary(person)
    photos = packed(p10=saved("PNG"), p9=saved("PNG"))
    values = "Your image,Width,Steps,Sampler\np10.png,256,2,euler\nin/p9.png,512,,heun\nmissing.png,,2,\n"
    given = [["t.csv", "text/csv", [*values.encode()]], ["p.zip", "", [*photos]]]
    dropped = person.page.evaluate_handle(DROPPED, given)
    person.page.route("**/upload*", lambda _: None)  # waits
    table_part = dialog.get_by_role("group", name="Table")
    with person.page.expect_response("**/check*"):
        dialog.locator("h2").dispatch_event("drop", {"dataTransfer": dropped})
    expect(dialog.locator(".estimate")).not_to_be_empty()
    expect(table_part.locator("li.coming")).to_be_visible()
    expect(table_part.locator(".problems .problem")).to_have_count(0)
    person.page.unroute("**/upload*")
    expect(table_part.locator("li img")).to_have_count(2)
    expect(table_part.locator(".problems .problem")).to_have_text(
        ["Line 4, Your image: The table needs “missing.png”. Add that file."]
    )
    vary_row(dialog, "Prompt").get_by_role("button", name="Remove: Prompt").click()
    found = table(values.replace("missing.png", "p9.png"))
    table_part.locator("> input[type=file]").set_input_files(found)  # type: ignore[arg-type]
    start_batch(dialog, 3)
    expect(card_of(person)).to_contain_text("3 of 3 done")
    line = open_sheet(person).locator(".line").nth(1)
    expect(line.locator(".value")).to_contain_text(["p9.png", "512", steps, "heun"])


def test_the_sheet_shows_empty_cells_and_fits_a_phone(fast: Site, visit: Visit) -> None:
    """For an empty cell of the table, the sheet shows the form's value. A phone shows the row
    number and all values."""
    person = visit(fast).open(**SMALL)
    rows = "Width,Height,Steps,Sampler\n256,256,2,euler\n512,256,,heun\n"
    finished_batch(person, {"table": {"name": "t.csv", "text": rows}}, **{"5.steps": 3})
    sheet = open_sheet(person)
    line = sheet.locator(".line").nth(1)
    expect(line.locator(".unset")).to_have_text(["3"])
    expect(line.locator(".unset")).to_have_css("font-style", "italic")
    expect(line.get_by_text("Row", exact=True)).to_be_hidden()
    person.page.set_viewport_size(SIZES["phone"])
    expect(line.get_by_text("Row", exact=True)).to_be_visible()
    line.locator(".value").last.scroll_into_view_if_needed()
    expect(line.locator(".value").last).to_be_in_viewport(ratio=1)


def test_cells_of_a_spreadsheet_are_pasted_as_a_table(fast: Site, visit: Visit) -> None:
    """The dialog accepts the paste wherever the focus is, if a heading names a field. The image
    that a spreadsheet adds doesn't matter. Other text, such as a single column, stays plain text.
    """
    person = visit(fast).open(**SMALL)
    dialog = vary(person)
    box = values_of_row(dialog, "Prompt")
    for text in ("a\tkite\nin the wind", "a red kite\na castle"):
        assert box.evaluate(PASTE, text)  # which the browser puts into the box
    expect(dialog.locator(".table-part")).to_be_hidden()
    assert not box.evaluate(PASTE, "prompt\tSteps\r\na red kite\t2\r\na castle\t3\r\n")
    expect(dialog.locator(".table-part strong")).to_contain_text("pasted.tsv")
    expect(dialog.get_by_role("group", name="Prompt", exact=True)).to_have_count(0)
    expect(dialog.locator(".estimate")).to_contain_text("2 runs")
    expect(dialog.locator(".primary")).to_have_text("Start ×2")


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
    person.type("4.width", "7")
    dialog = vary(person)
    dialog.get_by_role("button", name="Start ×3", exact=True).click()
    expect(dialog.locator(".foot .problem")).to_contain_text("Width")
    page.keyboard.press("Escape")
    person.type("4.width", 256)
    start_batch(vary(person), 3)
    expect(card_of(person)).to_contain_text("3 of 3 done")
    assert not page.locator("#stage .headline").inner_text().startswith("Can't")
    sheet = open_sheet(person)
    expect(sheet.locator(".line").nth(2).locator(".value")).to_have_text(
        ["Promptein Bär", "Steps3"]
    )
