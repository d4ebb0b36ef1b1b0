"""A batch as a grid: it fills in, is walked and turned, and its image opens it again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import expect

from comfy.batches.grids.settings import KEYWORD, GridField, GridSettings, settings_text
from tests.browser.batches.test_grids import Visit, drop
from tests.browser.nightly.walk.states import SIZES, Walker
from tests.support.batch_dialog import (
    card_of,
    open_sheet,
    start_batch,
    values_of_row,
    vary,
    vary_row,
)
from tests.support.visitor import Site

# Where the columns' labels are, and the lines', once the cells have been moved as far as they go.
MOVED = """scroll => {
    scroll.scrollTo(10000, 10000);
    const at = (what) => scroll.querySelector(what).getBoundingClientRect();
    const box = scroll.getBoundingClientRect();
    return [scroll.scrollLeft, at("thead th").top - box.top, at("tbody th").left - box.left];
}"""


# Whether the end of a text is within its place.
ENDS_WITHIN = """(place) => {
    const text = document.createRange();
    const walk = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) text.setStart(walk.currentNode, walk.currentNode.length - 1);
    text.setEnd(text.startContainer, text.startOffset + 1);
    const [last, within] = [text.getBoundingClientRect(), place.getBoundingClientRect()];
    return last.width > 0 && last.right <= within.right + 1 && last.bottom <= within.bottom + 1;
}"""


def test_a_grid_s_image_asks_for_the_file_that_all_cells_had(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """Its field says which file it was, and the dialog, which would cover that, is offered with what
    varied, before and after the file is there."""
    fields = (GridField("8.steps", "Steps", ("2", "3")),)
    base, files = {"4.image": None, "2.text": "a boat"}, {"4.image": "photo.png"}
    carried = GridSettings("image-to-image", "gone", fields, base, files)
    inside = PngInfo()
    inside.add_text(KEYWORD, settings_text(carried))
    image, photo = tmp_path / "grid.png", tmp_path / "photo.png"
    Image.new("RGB", (8, 8)).save(image, pnginfo=inside)
    Image.new("RGB", (64, 64)).save(photo)
    person = visit(fast).open("text-to-image")
    page, dialog = person.page, person.page.locator("dialog.vary")
    drop(page, image)
    expect(person.entry("2.text")).to_have_value("a boat")
    field = person.field("4.image")
    said = "The grid was made with “photo.png”. Add it again."
    expect(field.locator(".field-error")).to_have_text(said)
    expect(dialog).to_have_count(0)
    stage = page.locator("#stage")
    expect(stage).to_contain_text("Add them again: Your image.")
    opens = stage.get_by_role("button", name="Vary values…")
    expect(opens).to_be_visible()
    field.locator("input[type=file]").set_input_files(photo)
    expect(field.locator("img")).to_be_visible()
    expect(field.locator(".field-error")).to_have_count(0)
    opens.click()
    expect(values_of_row(dialog, "Steps")).to_have_value("2, 3")
    expect(dialog.get_by_role("button", name="Start 2 runs")).to_be_enabled()
    page.keyboard.press("Escape")
    expect(field.locator("img")).to_be_visible()
    person.leave()


@pytest.fixture
def walker(fast: Site, visit: Visit) -> Walker:
    """Somebody who looks at every state at several sizes, light and dark."""
    return Walker(visit(fast))


def test_a_grid_has_its_place_at_every_size(walker: Walker) -> None:
    """With long labels and cells that have failed; all have the shape of the images, and the labels
    stay in sight on a phone. The cells of one field have one seed and stand below its name, in a row
    that wraps. In the gallery a long text is cut in its middle."""
    page = walker.page
    person = walker.person.open(**{"4.width": 256, "4.height": 512})
    dialog = vary(person)
    longest = "a green boat, far out at sea, in the last light of the day"
    long = f"a red boat\n{longest}\nthe lighthouse\na harbour at noon\n四枚の帆"
    values_of_row(dialog, "Prompt").fill(long)
    model = vary_row(dialog, "Model")
    model.get_by_role("button", name="All").click()
    models = model.get_by_role("checkbox").count()
    values_of_row(dialog, "Steps").fill("1, 2")
    walker.look("the dialog of a grid", "tablet")
    walker.read("the dialog of a grid", "dialog.vary")
    start_batch(dialog, 10 * models)
    expect(card_of(person)).to_contain_text("Finished")
    sheet = open_sheet(person, "Grid")
    failed = sheet.locator(".grid-cell[data-state=failed]").first
    expect(failed).to_have_css("aspect-ratio", "0.5 / 1")
    failed.locator("button.no-result").click(position={"x": 20, "y": 20})
    why = page.locator("#row-error")
    expect(why.locator("p")).to_have_text([re.compile("isn't a model"), re.compile("Choose")])
    walker.look("why a cell failed", "laptop")
    why.get_by_role("button", name="Close").click()
    walker.look("the grid")
    walker.read("the grid", "dialog.sheet")
    page.set_viewport_size(SIZES["phone"])
    failed.locator("button.no-result").click(position={"x": 20, "y": 20})
    expect(why.get_by_role("button", name="Reuse settings")).to_be_visible()
    why.get_by_role("button", name="Close").click()
    left, top, beside = sheet.locator(".scroll").evaluate(MOVED)
    assert left > 0
    assert (round(top), round(beside)) == (0, 0)
    page.set_viewport_size(SIZES["desktop"])
    sheet.get_by_role("button", name="Close").click()
    card_of(person).get_by_role("button", name="Dismiss").click()

    dialog = vary(person)
    for field in ("Model", "Steps"):
        dialog.get_by_role("button", name=f"Remove {field}").click()
    start_batch(dialog, 5)
    expect(card_of(person)).to_contain_text("Finished")
    prompts = [person.site.prompt_of(run.id) for run in person.site.app.runs.known()[-5:]]
    assert len({prompt["2"]["inputs"]["text"] for prompt in prompts}) == 5
    assert len({prompt["5"]["inputs"]["seed"] for prompt in prompts}) == 1
    sheet = open_sheet(person, "Grid")
    expect(sheet.locator("p.across")).to_have_text("Prompt")
    expect(sheet.locator("li .grid-cell .result img")).to_have_count(5)
    walker.look("a row of cells", "tablet")
    walker.read("a row of cells", "dialog.sheet")
    page.set_viewport_size(SIZES["phone"])
    sheet.get_by_role("button", name="Gallery").click()
    words = sheet.locator(".batch-tile .words").nth(1)
    expect(words).to_have_text(f"Row 2 · {longest}")
    expect(words).to_have_attribute("title", f"Row 2\xa0· {longest}")
    assert words.evaluate(ENDS_WITHIN)
    walker.all_well()
