"""Sentences at the stage that stay as long as they are true, beside the sentences about the
result."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, ViewportSize, expect

from tests.browser.nightly.walk.states import SIZES, at_every_size, below_stage, set_size
from tests.support.batch_dialog import set_runs
from tests.support.brought import give, image_with
from tests.support.history_tiles import ONE, choose_from_all
from tests.support.serving import WORKFLOWS
from tests.support.visitor import Site, Visit, Visitor

PHOTO = WORKFLOWS.parent / "ui" / "page" / "social_card.png"
DENIED = """() => {
    navigator.clipboard.writeText = () => Promise.reject(new Error('denied'));
    document.execCommand = () => false;
}"""
ALLOWED_BY_HAND = "delete document.execCommand"
# Every headline that the stage has had.
WATCH = """() => {
    window.headlines = [];
    const line = document.querySelector('#stage .headline');
    new MutationObserver(() => window.headlines.push(line.textContent))
        .observe(line, { childList: true, characterData: true, subtree: true });
}"""
BOX_AND_OBJECTION = ("#stage .box", "#stage .objection")
IS_CUT = "(one) => one.scrollWidth > one.clientWidth"


def test_an_error_stays_until_its_cause_is_fixed(fast: Site, visit: Visit) -> None:
    """The sentence about wrong fields stands at Generate, apart from the result's text, which stays.
    It remains until the last field is right or its file is on the way. The sentence about a file
    remains until the user does something else or puts the file into a field that takes it. Neither
    sentence moves anything on the page.
    """
    person = visit(fast).open(**ONE)
    run = person.generate()
    person.choose("Image to image")
    expect(person.page.locator("#heading h1")).to_have_text("Image to image")
    choose_from_all(person, run)
    objection = person.page.locator("#stage .objection")
    status = person.page.locator("#stage .status")
    image = person.field("4.image")
    wrong = person.page.locator("#actions #of-fields")

    def stands(said: str, where: Locator = objection) -> None:
        expect(where).to_contain_text(said)
        expect(status.locator(".headline")).to_contain_text("Done")
        expect(status.locator(".times")).to_have_text("Workflow: Text to image")
        expect(person.page.locator("#stage .fact[data-part=prompt]")).to_be_visible()
        expect(person.page.locator(f'#stage .stage[data-run="{run}"]')).to_be_visible()

    person.type("5.height", 99999)
    person.for_image("4.image", "Remove image")
    before = below_stage(person.page)
    person.press()
    stands("Fix the highlighted fields.", wrong)
    assert below_stage(person.page) == before
    person.type("5.height", 512)
    expect(person.page.locator(".field-error")).to_have_count(1)
    stands("Fix the highlighted fields.", wrong)
    image.locator("input[type=file]").set_input_files(PHOTO)
    expect(wrong).to_be_empty()
    person.type("5.height", 99999)
    person.press()
    stands("Fix the highlighted fields.", wrong)
    person.for_form("Reset")
    expect(wrong).to_be_empty()
    person.page.set_viewport_size(ViewportSize(width=1440, height=900))
    with person.page.expect_file_chooser() as chooser:
        person.page.get_by_role("button", name="Open a workflow").click()
    photo = {"name": "photo.png", "mimeType": "image/png", "buffer": image_with()}
    chooser.value.set_files(photo)  # type: ignore[arg-type]
    stands("No workflow found in photo.png.")
    for size in at_every_size(person.page):
        box, words = (person.page.locator(one).bounding_box() for one in BOX_AND_OBJECTION)
        assert box
        assert words
        lowest = size["height"] if size == SIZES["phone"] else box["y"] + box["height"]
        assert words["y"] + words["height"] < lowest, size
        assert words["height"] < 150, size
    set_size(person.page, SIZES["desktop"])
    expect(objection.get_by_role("button", name="Use as “Your image”")).to_be_in_viewport(ratio=1)
    objection.get_by_role("button", name="Use as “Your image”").click()
    expect(objection).to_be_empty()
    expect(image.locator("img")).to_have_attribute("src", re.compile("photo"))
    expect(status.locator(".headline")).to_contain_text("Done")
    give(person.page, b"{}", "empty.json")
    stands("empty.json")
    objection.get_by_role("button", name="Dismiss").click()
    expect(objection).to_be_empty()
    expect(person.page.locator("#generate")).to_be_focused()
    person.forgive("422")


def test_a_link_that_cannot_be_copied_is_shown(fast: Site, visit: Visit) -> None:
    """If the browser denies copying, the app shows the link in a field that fits into the window,
    with all the text selected. The link to a result shows its beginning. Pressing Copy tries again,
    with the method that still works over plain HTTP. Between two runs, the stage promises nothing.
    """
    person = visit(fast).open(**{"2.text": "a long way to say nothing " * 20, **ONE})
    person.page.evaluate(DENIED)
    person.for_form("Copy link to these settings")
    dialog = person.page.get_by_role("dialog", name="This couldn't be copied.")
    field = dialog.get_by_role("textbox")
    expect(field).to_be_focused()
    expect(field).to_have_value(re.compile(f"^{fast.url}/.workflow=text-to-image&2.text=a"))
    marked = "({ value, selectionStart: a, selectionEnd: b }) => a === 0 && b === value.length"
    assert field.evaluate(marked)
    for size in at_every_size(person.page):
        box = dialog.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"]
        assert person.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    set_size(person.page, SIZES["desktop"])
    person.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    run = person.generate()
    person.act("Share…")
    panel = person.page.get_by_role("dialog", name="Share this result")
    panel.get_by_role("button", name="Create link").click()
    expect(panel.get_by_role("status")).to_have_text("Select the link and copy it.")
    link = panel.get_by_label("Link", exact=True)
    assert link.evaluate(IS_CUT)
    assert link.evaluate("one => one.scrollLeft") == 0
    copy = panel.get_by_role("button", name="Copy")
    copy.click()
    expect(panel.get_by_role("status")).to_have_text("Select the link and copy it.")
    person.page.evaluate(ALLOWED_BY_HAND)
    copy.click()
    expect(panel.get_by_role("button", name="Copied")).to_be_visible()
    address = link.input_value()
    person.page.keyboard.press("Escape")
    person.entry("2.text").fill("")
    person.entry("2.text").press("Control+v")
    expect(person.entry("2.text")).to_have_value(address)
    nothing_is_promised_between_two_runs(person, run)


def nothing_is_promised_between_two_runs(person: Visitor, run: str) -> None:
    """Check that the stage with a finished image never says where the first image will appear.
    Reuse settings confirms above the buttons for a moment."""
    person.page.evaluate(WATCH)
    set_runs(person, 2)
    person.press()
    expect(person.page.locator("#history .tile[data-run]")).to_have_count(3)
    person.done(after=run)
    said = person.page.evaluate("window.headlines")
    assert not any("will appear here" in one for one in said), said
    person.act("Reuse settings")
    note = person.page.locator("#stage .done-note", has_text="Settings restored")
    expect(note).to_be_visible()
    expect(note).to_have_count(0)


def test_a_model_name_is_never_shortened(fast: Site, visit: Visit) -> None:
    """Two long seeds and the thumbnails beside them never shorten the model's name. It moves to
    another line instead."""
    desktop = ViewportSize(width=1440, height=900)
    seeds = {"5.seed": 2**64 - 1, "7.seed": 2**64 - 2}
    short = {"5.steps": 1, "7.steps": 1, "6.amount": 3, "4.width": 256, "4.height": 256}
    person = visit(fast, viewport=desktop).open("animation", **short, **seeds)
    run = person.generate()
    person.choose("Text to image")
    expect(person.page.locator("#stage .ideas")).to_be_visible()
    choose_from_all(person, run)
    expect(person.page.locator("#stage .times")).to_have_text("Workflow: Animation")
    model = person.page.locator("#stage .fact[data-part=model]")
    expect(model).to_have_text("demo-landscapes")
    for _ in at_every_size(person.page):
        assert not model.evaluate(IS_CUT)
