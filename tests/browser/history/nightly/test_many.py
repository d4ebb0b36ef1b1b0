"""Favorites, and actions on one or several results: delete, undo, download, compare."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.nightly.walk.states import SIZES, at_every_size, set_size
from tests.browser.stage.test_results import SOUND
from tests.support.history_tiles import (
    ONE,
    button,
    choose,
    image_of,
    make,
    owner_of,
    tile,
    tiles,
)
from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site, Visit, Visitor
from ui.files.deleting import RunDeletion

# Which of the buttons below the form are on top where their edges and their middle are.
# The buttons that something covers. Narrow pages hide Stop while nothing runs.
COVERED = """() => ["generate", "stop"].filter((id) => {
    const one = document.getElementById(id);
    if (one.disabled && !one.checkVisibility({ checkVisibilityCSS: true })) return false;
    const { left, top, width, height } = one.getBoundingClientRect();
    const across = [0.05, 0.5, 0.95].map((part) => left + part * width);
    const down = [0.1, 0.5, 0.9].map((part) => top + part * height);
    return !across.every((x) => down.every((y) => one.contains(document.elementFromPoint(x, y))));
})"""
# Return whether an element is on top at its center, on the unscrolled page.
UNCOVERED = """(one) => {
    scrollTo(0, 0);
    const { left, top, width, height } = one.getBoundingClientRect();
    return one.contains(document.elementFromPoint(left + width / 2, top + height / 2));
}"""
# Turn two compared results into four with workflow titles. A single title has two lines.
FOUR_WITH_TITLES = """() => {
    const results = document.querySelector(".side-by-side .results");
    results.append(...[...results.children].map((one) => one.cloneNode(true)));
    const titles = ["Text to image", "Create,<br>enlarge, refine", "Upscale", "Image to image"];
    const captions = [...results.querySelectorAll("figcaption")];
    for (const [at, one] of captions.entries()) one.innerHTML = `${at + 1} · ${titles[at]}`;
    return captions.length;
}"""
# Return the image sizes, the gaps between images and captions, and the captions that are cut off.
BESIDE = """() => {
    const figures = [...document.querySelectorAll(".side-by-side figure")];
    const boxes = figures.map((one) => [...one.children].map((it) => it.getBoundingClientRect()));
    return [
        boxes.map(([{ width, height }]) => [Math.round(width), Math.round(height)]),
        boxes.map(([image, caption]) => caption.top - image.bottom),
        figures.map((one) => one.lastElementChild).filter(
            (one) => one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight + 1,
        ).map((one) => one.textContent),
    ];
}"""


def test_actions_on_results(fast: Site, visit: Visit) -> None:
    """The user can compare two results, list only favorites, and select several results to
    download, mark, delete and restore them. A deletion also removes the result from disk."""
    person = visit(fast).open(**ONE)
    runs = []
    for seed, words in ((7, "a lighthouse"), (8, "a boat")):
        person.keep_seed(seed)
        runs.append(make(person, words))
    are_compared(person, runs)
    is_a_favourite(person, *runs)
    runs += [make(person, words) for words in ("a castle", "a hill")]
    are_picked(person, runs)
    are_deleted_in_turn(person, runs)
    is_deleted(person, runs)


def are_compared(person: Visitor, runs: list[str]) -> None:
    """Check that two results fill the whole window, with only the values that differ, each once.
    Escape closes the comparison."""
    for run_id in runs:
        tile(person, run_id).click(modifiers=["Control"])
    bar = person.page.get_by_role("group", name="Selected results")
    bar.get_by_role("button", name="Compare").click()
    dialog = person.page.get_by_role("dialog", name="Compare results")
    expect(dialog.locator(".pane > img")).to_have_count(2)
    # Their dates differ if a minute has passed between them.
    rows = dialog.locator("tbody tr").filter(has_not_text="Date")
    expect(rows).to_have_text(["Prompta lighthousea boat", "Seed78"])
    expect(dialog.locator("figcaption")).to_have_text(["1Delete", "2Delete"])
    are_zoomed_together(dialog)
    expect(dialog.locator("thead th")).to_have_text(["1", "2"])
    box = dialog.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (
        person.page.evaluate("innerWidth"),
        person.page.evaluate("innerHeight"),
    )
    before = person.page.viewport_size
    person.page.set_viewport_size({"width": 390, "height": 844})
    first, second = (dialog.locator(".pane > img").nth(at).bounding_box() for at in (0, 1))
    assert first is not None
    assert second is not None
    assert second["y"] >= first["y"] + first["height"]  # below each other, as large as they can be
    assert first["width"] > 300
    four_are_of_one_size(person)
    person.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    person.page.set_viewport_size(before or SIZES["desktop"])
    person.page.get_by_role("button", name="Done", exact=True).click()
    expect(bar).to_be_hidden()


def are_zoomed_together(dialog: Locator) -> None:
    """Check that a zoom applies to both images, that their values stand below them, and that a
    slider shows one over the other. Escape leaves only the slider."""
    page, images = dialog.page, dialog.locator(".pane > img")
    fitted = [images.nth(at).bounding_box() for at in (0, 1)]
    values = [dialog.locator("tbody td").nth(at).bounding_box() for at in (0, 1)]
    assert all(fitted)
    assert all(values)
    assert [box["x"] for box in fitted if box] == [box["x"] for box in values if box]
    page.keyboard.press("+")
    larger = [images.nth(at).bounding_box() for at in (0, 1)]
    assert [round(box["width"]) for box in larger if box] == [
        round(box["width"] * 1.25) for box in fitted if box
    ]
    page.keyboard.press("0")
    dialog.get_by_role("button", name="Slider").click()
    expect(images.first).to_be_hidden()
    expect(dialog.get_by_role("slider", name="Slider")).to_be_visible()
    dialog.get_by_role("slider", name="Slider").press("Escape")
    expect(images.first).to_be_visible()
    star = dialog.get_by_role("button", name="Favorite").first
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "false")


def four_are_of_one_size(person: Visitor) -> None:
    """Check that all images have the same size, however many lines their captions have. The
    captions appear in full right below the images."""
    page = person.page
    assert page.evaluate(FOUR_WITH_TITLES) == 4
    for size in at_every_size(page):
        sizes, gaps, cut = page.evaluate(BESIDE)
        assert len({tuple(one) for one in sizes}) == 1, (size, sizes)
        assert max(gaps) < 8, (size, gaps)
        assert not cut, (size, cut)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def is_a_favourite(person: Visitor, first: str, second: str) -> None:
    """Check that the star, the button below the result and F mark a favorite. The list can show
    only favorites, and the server keeps them. F does nothing while the user types."""
    choose(person, second)
    mark = button(person, "Favorite")
    mark.click()
    expect(mark).to_have_attribute("aria-pressed", "true")
    star = person.page.locator(f'#history li[data-run="{second}"] .star')
    expect(star).to_have_attribute("aria-pressed", "true")
    mark.focus()
    person.page.keyboard.press("f")
    expect(star).to_have_attribute("aria-pressed", "false")
    person.entry("2.text").press("f")
    tile(person, first).focus()
    person.page.keyboard.press("f")
    expect(mark).to_have_attribute("aria-pressed", "false")
    person.find()
    only = person.page.get_by_role("button", name="Favorites")
    only.click()
    expect(tiles(person)).to_have_count(1)
    expect(tile(person, first)).to_be_visible()
    person.page.reload()
    person.ready()
    choose(person, first)
    expect(mark).to_have_attribute("aria-pressed", "true")
    only.click()
    mark.click()
    expect(person.page.get_by_text("No favorites with this workflow yet.")).to_be_visible()
    only.click()
    expect(tiles(person)).to_have_count(2)


def are_picked(person: Visitor, runs: list[str]) -> None:
    """Select results with Ctrl and Shift or in the selection mode. Check that the user can download
    them as a single file, mark, delete and restore them."""
    tile(person, runs[3]).click(modifiers=["Control"])
    tile(person, runs[1]).click(modifiers=["Shift"])
    bar = person.page.get_by_role("group", name="Selected results")
    expect(bar).to_contain_text("3 selected")
    expect(image_of(person, runs[3])).to_be_visible()
    with person.page.expect_download() as info:
        bar.get_by_role("link", name="Download").click()
    with zipfile.ZipFile(info.value.path()) as archive:
        assert len(archive.namelist()) == 3
    bar.get_by_role("button", name="Favorite").click()
    expect(person.page.locator("#history li.favourite")).to_have_count(3)
    bar.get_by_role("button", name="Delete").click()
    expect(tiles(person)).to_have_count(1)
    line = person.page.locator("#undo")
    expect(line).to_contain_text("3 results deleted.")
    for _ in at_every_size(person.page):
        assert person.page.evaluate(COVERED) == []
    person.page.set_viewport_size(SIZES["desktop"])
    line.get_by_role("button", name="Undo").click()
    expect(tiles(person)).to_have_count(4)
    person.page.get_by_role("button", name="Done", exact=True).click()
    expect(bar).to_be_hidden()
    person.find()
    person.page.get_by_role("button", name="Select", exact=True).click()
    off = bar.locator("[aria-disabled=true]")
    expect(off).to_have_text(["Download", re.compile("^Share"), "Favorite", "Compare", "Delete"])
    tile(person, runs[0]).click()
    expect(bar).to_contain_text("1 selected")
    expect(tile(person, runs[0])).to_have_attribute("aria-pressed", "true")
    person.turn_to("upscale")
    expect(bar).to_be_hidden()
    person.turn_to("text-to-image")
    expect(tiles(person)).to_have_count(4)


def are_deleted_in_turn(person: Visitor, runs: list[str]) -> None:
    """Check that a double click deletes a single result, not also the next result, which moves
    under the pointer. A single Undo brings back all results deleted in a row: all to the list and
    the first to the stage."""
    choose(person, runs[3])
    button(person, "More").click()
    entry = person.page.get_by_role("menuitem", name="Delete", exact=True)
    entry.dblclick()
    expect(image_of(person, runs[2])).to_be_visible()
    person.page.keyboard.press("Escape")  # the second click meets the image below the menu
    button(person, "More").click()
    entry.click(delay=600)  # as long as the next one is not taken for meant
    line = person.page.locator("#undo")
    expect(line).to_contain_text("2 results deleted.")
    expect(tiles(person)).to_have_count(2)
    set_size(person.page, SIZES["laptop"])
    assert button(person, "More").evaluate(UNCOVERED)
    set_size(person.page, SIZES["desktop"])
    line.get_by_role("button", name="Undo").click()
    expect(tiles(person)).to_have_count(4)
    expect(image_of(person, runs[3])).to_be_visible()
    expect(line).to_be_empty()


def is_deleted(person: Visitor, runs: list[str]) -> None:
    """Check that a single press deletes a result from the list and the stage. The app later deletes
    it from disk, even if the user left the page. Until then, Undo restores it to the stage and to
    the list, where it gets the focus."""
    site, (*_, third, last) = person.site, runs  # the last is shown already
    record = site.services.runs.record(last, owner_of(site, last))
    button(person, "More").click()
    person.page.get_by_role("menuitem", name="Delete", exact=True).click(delay=600)  # as above
    expect(tiles(person)).to_have_count(3)
    expect(tile(person, third)).to_be_focused()
    expect(image_of(person, last)).to_have_count(0)
    line = person.page.locator("#undo")
    expect(line).to_contain_text("Deleted. The ComfyUI server may keep copies.")
    line.get_by_role("button", name="Undo").press("Enter")
    expect(tiles(person)).to_have_count(4)
    expect(image_of(person, last)).to_be_visible()
    expect(tile(person, last)).to_be_focused()
    expect(line).to_be_empty()
    person.more("Delete")
    expect(tiles(person)).to_have_count(3)
    person.page.close()
    services = site.services
    deletion = RunDeletion(services.runs, services.copies, services.clean_up)
    deletion.delete_unlisted(older=-60)
    assert site.services.copies.blobs.path(record.state.files[0].digest) is None
    history = site.services.runs.history
    assert {one.id for one in history.of(record.owner)} == {*runs} - {last}


def test_other_results_side_by_side(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """The user can compare playing videos, sounds and texts like images, in any mix."""
    words = {
        "1": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "a boat"}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    video = json.loads((WORKFLOWS / "animation.json").read_text())
    del video["9"]  # the animated image
    video["1"]["inputs"]["ckpt_name"] = "demo-landscapes.safetensors"
    video["5"]["inputs"]["steps"] = video["7"]["inputs"]["steps"] = 1
    video["6"]["inputs"]["amount"] = 3
    for name, prompt in (("words", words), ("video", video), ("sound", SOUND)):
        (tmp_path / f"{name}.json").write_text(json.dumps(prompt))
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        person, run = visit(Site(app.url, fast.demo, app)), ""
        for name in ("words", "video", "sound"):
            (person.turn_to if run else person.open)(name).press()
            run = person.ended(after=run)
        person.find()
        person.page.get_by_role("combobox", name="Workflow", exact=True).select_option(
            "All workflows"
        )
        expect(tiles(person)).to_have_count(3)
        for at in range(3):
            tiles(person).nth(at).click(modifiers=["Control"])
        person.page.get_by_role("button", name="Compare").click()
        dialog = person.page.get_by_role("dialog", name="Compare results")
        expect(dialog.locator("figure")).to_have_count(3)
        expect(dialog.locator(".player")).to_be_visible()
        expect(dialog.locator("figure .text")).to_have_text("a boat")
        expect(dialog.locator("video")).to_have_js_property("videoWidth", 512)
        expect(dialog.locator("tbody tr").first).to_contain_text("Workflow")
        person.leave()
