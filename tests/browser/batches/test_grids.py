"""A batch as a grid: it fills in, is walked and turned, and its image opens it again."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.nightly.walk.states import SIZES
from tests.support.batch_dialog import (
    SMALL,
    open_sheet,
    start_batch,
    values_of_row,
    vary,
    vary_row,
)
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
LABELS = "labels => labels.map((one) => one.textContent)"
# Whether all cells end before there, and the last one not far from it.
WITHIN = """most => {
    const ends = [...document.querySelectorAll(".sheet tbody .grid-cell")]
        .map((cell) => cell.getBoundingClientRect().right);
    return Math.max(...ends) <= most + 0.5 && Math.max(...ends) > most - 20;
}"""
# A file is dropped beside the form.
DROP = """([data, name]) => {
    const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name, { type: "image/png" }));
    const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
    document.querySelector("#stage").dispatchEvent(event);
}"""


def drop(page: Page, file: Path) -> None:
    """Drop an image on the page."""
    page.evaluate(DROP, [base64.b64encode(file.read_bytes()).decode(), "grid.png"])


def lines_of(sheet: Locator) -> list[str]:
    """What the lines of a grid are called."""
    return list(sheet.locator("tbody th").evaluate_all(LABELS))


def test_a_grid_from_the_dialog_to_its_image_and_back(
    slow: Site, visit: Visit, tmp_path: Path
) -> None:
    """Words of the text are replaced, for each number of steps and model; all cells have one seed
    unless it is wished otherwise. What runs shows its previews in its cell. Arrows lead from a
    result to those beside and below, a cell's values go into the form. The image that is
    downloaded opens the grid again, and once that is deleted the dialog with all of it."""
    person = visit(slow).open(**SMALL)
    page = person.page
    person.type("2.text", "a red boat on a calm sea")
    dialog = vary(person)
    text = vary_row(dialog, "Prompt")
    text.get_by_label("How Prompt is varied").select_option(label="Replace words")
    text.get_by_label("Find").fill("boat")
    text.get_by_label("Replace with").fill("ship\nkite")
    values_of_row(dialog, "Steps").fill("2, 3")
    seed = dialog.get_by_role("group", name="Seed")
    expect(seed.get_by_label("The same for all runs")).to_be_checked()
    model = vary_row(dialog, "Model")
    model.get_by_role("checkbox", name="demo-broken").check()
    slow.demo.speed.step = 1.5
    start_batch(dialog, 12)
    sheet = open_sheet(person, "Grid")
    saving_as = sheet.get_by_role("link", name="Download as PNG")
    expect(saving_as).to_have_attribute("aria-disabled", "true")
    expect(saving_as).not_to_have_attribute("href", re.compile("."))
    expect(sheet.locator(".grid-cell[data-state=running] img.live-frame")).to_be_visible()
    slow.demo.speed.step = 0
    expect(sheet).to_contain_text("Finished")
    results = sheet.locator(".grid-cell .result img")
    expect(results).to_have_count(6)
    assert lines_of(sheet) == ["2", "3"]
    sheet.get_by_role("group", name="Model").get_by_role("button", name="demo-broken").click()
    expect(sheet.locator(".grid-cell[data-state=failed]")).to_have_count(6)
    sheet.get_by_role("button", name="demo-landscapes").click()
    expect(results).to_have_count(6)
    sheet.get_by_role("button", name="Swap axes").click()
    assert lines_of(sheet) == ["boat", "ship", "kite"]
    page.set_viewport_size(SIZES["phone"])
    cells = sheet.locator("tbody tr:first-child .grid-cell")
    page.wait_for_function(WITHIN, arg=SIZES["phone"]["width"] - 16)
    expect(cells).to_have_count(2)
    page.set_viewport_size(SIZES["desktop"])

    first = sheet.get_by_role("button", name="Enlarge: boat · 2")
    first.click()
    said = page.locator("dialog.viewport:modal .mark").last
    expect(said).to_contain_text("boat · Steps 2")
    for key, words in [
        ("ArrowDown", "ship · Steps 2"),
        ("ArrowRight", "ship · Steps 3"),
        ("ArrowUp", "boat · Steps 3"),
    ]:
        page.keyboard.press(key)
        expect(said).to_contain_text(words)
    page.keyboard.press("Escape")
    cell = sheet.get_by_role("button", name="Enlarge: boat · 3")
    expect(cell).to_be_focused()

    drawn = "link => getComputedStyle(link, '::before').content"
    assert "↓" in saving_as.evaluate(drawn)
    with page.expect_download() as saving:
        saving_as.click()
    image = tmp_path / "grid.png"
    saving.value.save_as(image)
    cell.focus()
    page.keyboard.press("Tab")
    expect(sheet.get_by_role("button", name="Reuse settings: boat · 3")).to_be_focused()
    page.keyboard.press("Enter")
    expect(sheet).to_have_count(0)
    expect(person.entry("5.steps")).to_have_value("3")
    expect(person.entry("2.text")).to_have_value("a red boat on a calm sea")
    seen = page.locator("#stage .copy[data-part=prompt]")  # what came of the cell
    expect(seen).to_have_text("a red boat on a calm sea")

    person.type("2.text", "something else")
    page.locator(".seed-mode input[value=random]").check()
    page.evaluate("sessionStorage.removeItem('comfyforms.varied.text-to-image')")
    drop(page, image)
    expect(sheet.locator(".grid-cell .result img")).to_have_count(6)
    expect(person.entry("2.text")).to_have_value("something else")
    sheet.get_by_role("button", name="Delete…").click()
    sheet.get_by_role("button", name="Delete, keep results").click()
    expect(sheet).to_have_count(0)
    drop(page, image)
    expect(dialog.get_by_role("button", name="Start 12 runs")).to_be_enabled()
    expect(person.entry("2.text")).to_have_value("a red boat on a calm sea")
    expect(text.get_by_label("Find")).to_have_value("boat")
    expect(text.get_by_label("Replace with")).to_have_value("ship\nkite")
    expect(values_of_row(dialog, "Steps")).to_have_value("2, 3")
    expect(seed.get_by_label("The same for all runs")).to_be_checked()
    page.keyboard.press("Escape")
    expect(person.entry("2.text")).to_have_value("something else")
    expect(page.locator(".seed-mode input[value=random]")).to_be_checked()
