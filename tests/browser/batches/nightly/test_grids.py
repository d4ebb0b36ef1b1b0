"""A batch as a grid: its cells fill in, the user moves through it and swaps its axes, and its image
opens it again."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Locator, Page, expect

from comfy.batches.grids import KEYWORD, GridField, GridSettings, settings_text
from tests.browser.nightly.walk.states import SIZES, Walker
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
from tests.support.visitor import Site, Visit, Visitor

LABELS = "labels => labels.map((one) => one.textContent)"
# Check that all cells end before this position and the last cell ends close to it.
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
    return list(sheet.locator("tbody th").evaluate_all(LABELS))


TEXT = "a red boat on a calm sea"
REPLACED = {"field": "2.text", "replace": "boat\nship\nkite"}
STEPS = {"field": "5.steps", "text": "2, 3"}
MODELS = {
    "field": "1.ckpt_name",
    "values": ["demo-landscapes.safetensors", "demo-broken.safetensors"],
}


def finished_grid(person: Visitor, *more: object) -> Locator:
    """Make a grid of words, steps and these axes over the API, and open it."""
    finished_batch(
        person,
        {"axes": [REPLACED, STEPS, *more], "seeds": "one"},
        **{**SMALL, "2.text": TEXT},
    )
    return open_sheet(person, "Grid")


def saved_image(sheet: Locator, path: Path) -> Path:
    """Download the grid's image to this path."""
    sheet.get_by_role("button", name="Download").click()
    with sheet.page.expect_download() as saving:
        sheet.get_by_role("menuitem", name="PNG").click()
    saving.value.save_as(path)
    return path


def test_a_grid_fills_in_while_its_batch_runs(slow: Site, visit: Visit) -> None:
    """The batch replaces words of the text, for each number of steps and model. By default, all
    cells share a seed. A running cell shows its previews. The image is offered at the end. Another
    model has its own page of cells."""
    person = visit(slow).open(**SMALL)
    person.type("2.text", TEXT)
    dialog = vary(person)
    text = vary_row(dialog, "Prompt")
    text.get_by_label("How to vary Prompt").select_option(label="Replace words")
    text.get_by_label("Find").fill("boat")
    text.get_by_label("Replace with").fill("ship\nkite")
    values_of_row(dialog, "Steps").fill("2, 3")
    seed = dialog.get_by_role("group", name="Seed")
    expect(seed.get_by_label("Same seed for all runs")).to_be_checked()
    model = vary_row(dialog, "Model")
    model.get_by_role("checkbox", name="demo-broken").check()
    slow.demo.speed.step = 1.5
    start_batch(dialog, 12)
    sheet = open_sheet(person, "Grid")
    expect(sheet.get_by_role("button", name="Download")).to_be_disabled()
    expect(sheet.locator(".grid-cell[data-state=running] img.live-frame")).to_be_visible()
    slow.demo.speed.step = 0
    expect(sheet).to_contain_text("6 of 12 done, 6 failed")
    results = sheet.locator(".grid-cell .result img")
    expect(results).to_have_count(6)
    sheet.get_by_role("group", name="Model").get_by_role("button", name="demo-broken").click()
    expect(sheet.locator(".grid-cell[data-state=failed]")).to_have_count(6)
    sheet.get_by_role("button", name="demo-landscapes").click()
    expect(results).to_have_count(6)


def test_a_grid_swaps_its_axes(fast: Site, visit: Visit) -> None:
    """The fewer columns then fill the width of a phone."""
    person = visit(fast).open(**SMALL)
    page, sheet = person.page, finished_grid(person)
    expect(sheet.locator(".grid-cell .result img")).to_have_count(6)
    assert lines_of(sheet) == ["2", "3"]
    sheet.get_by_role("button", name="Swap rows and columns").click()
    assert lines_of(sheet) == ["boat", "ship", "kite"]
    page.set_viewport_size(SIZES["phone"])
    cells = sheet.locator("tbody tr:first-child .grid-cell")
    page.wait_for_function(WITHIN, arg=SIZES["phone"]["width"] - 16)
    expect(cells).to_have_count(2)


def test_arrow_keys_lead_through_a_grid(fast: Site, visit: Visit) -> None:
    """They lead from a result to its neighbors, also after the axes are swapped."""
    person = visit(fast).open(**SMALL)
    page, sheet = person.page, finished_grid(person)
    sheet.get_by_role("button", name="Swap rows and columns").click()
    sheet.get_by_role("button", name="Enlarge: boat · 2").click()
    said = page.locator("dialog.viewport:modal .mark").last
    expect(said).to_contain_text("boat · Steps 2")
    following = page.locator("dialog.viewport:modal").get_by_role("button", name="Next")
    expect(following).to_have_attribute("data-icon", "forward")
    for key, words in [
        ("ArrowDown", "ship · Steps 2"),
        ("ArrowRight", "ship · Steps 3"),
        ("ArrowUp", "boat · Steps 3"),
    ]:
        page.keyboard.press(key)
        expect(said).to_contain_text(words)
    page.keyboard.press("Escape")
    expect(sheet.get_by_role("button", name="Enlarge: boat · 3")).to_be_focused()


def test_a_cell_s_values_go_back_into_the_form(fast: Site, visit: Visit) -> None:
    """The button follows the cell's result in the order of Tab. The stage shows the result."""
    person = visit(fast).open(**SMALL)
    page, sheet = person.page, finished_grid(person)
    sheet.get_by_role("button", name="Enlarge: boat · 3").focus()
    page.keyboard.press("Tab")
    expect(sheet.get_by_role("button", name="Reuse settings: boat · 3")).to_be_focused()
    page.keyboard.press("Enter")
    expect(sheet).to_have_count(0)
    expect(person.entry("5.steps")).to_have_value("3")
    expect(person.entry("2.text")).to_have_value(TEXT)
    seen = page.locator("#stage .fact[data-part=prompt]")  # what came of the cell
    expect(seen).to_have_text(TEXT)


def test_choosing_the_grid_again_keeps_its_cells(fast: Site, visit: Visit) -> None:
    """The sheet opens as a grid, so its button has nothing to do. A focused button stays."""
    person = visit(fast).open(**SMALL)
    page, sheet = person.page, finished_grid(person)
    use = sheet.get_by_role("button", name="Reuse settings: boat · 3")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    cell = use.element_handle()
    assert cell is not None
    sheet.get_by_role("button", name="Grid", exact=True).click()
    use.focus()
    page.wait_for_timeout(500)
    assert not [one for one in asked if "/grid?" in one]
    assert cell.evaluate("(one) => one === document.activeElement")


def test_a_grid_s_image_opens_the_grid(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """The form keeps its values."""
    person = visit(fast).open(**SMALL)
    page, sheet = person.page, finished_grid(person)
    image = saved_image(sheet, tmp_path / "grid.png")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    person.type("2.text", "something else")
    drop(page, image)
    expect(sheet.locator(".grid-cell .result img")).to_have_count(6)
    expect(person.entry("2.text")).to_have_value("something else")


def test_a_deleted_grid_s_image_opens_the_dialog(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """The dialog has all values of the grid. Leaving it restores the form's values."""
    person = visit(fast).open(**SMALL)
    page, sheet = person.page, finished_grid(person, MODELS)
    image = saved_image(sheet, tmp_path / "grid.png")
    sheet.get_by_role("button", name="Delete…").click()
    sheet.get_by_role("button", name="Delete, keep results").click()
    expect(sheet).to_have_count(0)
    person.type("2.text", "something else")
    page.locator(".seed-mode input[value=random]").check()
    drop(page, image)
    dialog = page.locator("dialog.vary")
    expect(dialog.get_by_role("button", name="Start ×12", exact=True)).to_be_enabled()
    expect(person.entry("2.text")).to_have_value(TEXT)
    text = vary_row(dialog, "Prompt")
    expect(text.get_by_label("Find")).to_have_value("boat")
    expect(text.get_by_label("Replace with")).to_have_value("ship\nkite")
    expect(values_of_row(dialog, "Steps")).to_have_value("2, 3")
    seed = dialog.get_by_role("group", name="Seed")
    expect(seed.get_by_label("Same seed for all runs")).to_be_checked()
    page.keyboard.press("Escape")
    expect(person.entry("2.text")).to_have_value("something else")
    expect(page.locator(".seed-mode input[value=random]")).to_be_checked()


# Where the columns' labels are, and the lines', once the cells have been moved as far as they go.
MOVED = """scroll => {
    scroll.scrollTo(10000, 10000);
    const at = (what) => scroll.querySelector(what).getBoundingClientRect();
    const box = scroll.getBoundingClientRect();
    const top = box.top + scroll.clientTop, left = box.left + scroll.clientLeft; // inside its border
    return [scroll.scrollLeft, at("thead th").top - top, at("tbody .value").left - left];
}"""
# Check that the end of a text lies within its element.
ENDS_WITHIN = """(place) => {
    const text = document.createRange();
    const walk = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) text.setStart(walk.currentNode, walk.currentNode.length - 1);
    text.setEnd(text.startContainer, text.startOffset + 1);
    const [last, within] = [text.getBoundingClientRect(), place.getBoundingClientRect()];
    return last.width > 0 && last.right <= within.right + 1 && last.bottom <= within.bottom + 1;
}"""


def test_a_grid_image_asks_for_the_file_that_all_cells_share(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """The field names the missing file. The dialog doesn't open by itself, because it would cover
    that message. The stage offers it with the varied values, before and after the user adds the
    file."""
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
    said = "This grid was created with “photo.png”. Add that file again."
    expect(field.locator(".field-error")).to_have_text(said)
    expect(dialog).to_have_count(0)
    stage = page.locator("#stage")
    expect(stage).to_contain_text("Add them again: Your image.")
    opens = stage.get_by_role("button", name="Try several values…")
    expect(opens).to_be_visible()
    field.locator("input[type=file]").set_input_files(photo)
    expect(field.locator("img")).to_be_visible()
    expect(field.locator(".field-error")).to_have_count(0)
    opens.click()
    expect(dialog).to_be_visible()
    expect(values_of_row(dialog, "Steps")).to_have_value("2, 3")
    expect(dialog.get_by_role("button", name="Start ×2", exact=True)).to_be_enabled()
    page.keyboard.press("Escape")
    expect(field.locator("img")).to_be_visible()
    person.leave()


@pytest.fixture
def walker(fast: Site, visit: Visit) -> Walker:
    return Walker(visit(fast))


def test_a_grid_fits_every_screen_size(walker: Walker) -> None:
    """The grid fits with long labels and failed cells. All cells have the shape of the images, and
    the labels stay in sight on a phone. A grid with a single field shows its name above a row of
    cells that wraps, and the cells share a seed. The gallery shortens a long text in the middle."""
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
    expect(card_of(person)).to_have_attribute("data-state", "done")
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
    assert (round(top), round(beside)) == (0, 14)
    page.set_viewport_size(SIZES["desktop"])
    sheet.get_by_role("button", name="Close").click()
    card_of(person).get_by_role("button", name="Dismiss").click()

    dialog = vary(person)
    for field in ("Model", "Steps"):
        dialog.get_by_role("button", name=f"Remove: {field}").click()
    start_batch(dialog, 5)
    expect(card_of(person)).to_have_attribute("data-state", "done")
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
    expect(words).to_have_text(longest)
    expect(words).to_have_attribute("title", longest)
    assert words.evaluate(ENDS_WITHIN)
    walker.all_well()
