"""From a shared address to an image: the form, the live previews, the result, Stop, the queue and
errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.visitor import Site, Visitor
from tests.support.waiting import eventually

Visit = Callable[..., Visitor]
PLACES = """[...document.querySelectorAll('#stage .viewport, #stage .status')].map(one => {
    const box = one.getBoundingClientRect(); return [box.left, box.top, box.width]; })"""
# Where an image's pixels are, inside its element.
PAINTED = """[...document.querySelectorAll('#stage .media img')].slice(-1).map(image => {
    const box = image.getBoundingClientRect();
    const scale = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
    const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
    return [box.left + (box.width - width) / 2, box.top + (box.height - height) / 2, width, height]; })[0]"""


def test_from_a_text_to_an_image(slow: Site, visit: Visit) -> None:
    """The user changes the text and presses Generate. The stage paints frames during the run, then
    the image replaces them in the same place and size, and nothing below it moves. Pressing
    Generate again during a run queues a second run, and both results arrive."""
    person = visit(slow).open(**{"5.steps": 8, "4.width": 768})
    person.type("2.text", "a red lighthouse at dusk")
    before = person.page.evaluate(PLACES)
    person.press()
    expect(person.page.locator("#stage .headline")).to_contain_text("Sampling, step")
    person.frames(3)
    expect(person.page.locator("#stage img.live-frame")).to_be_visible()
    running, preview = person.page.evaluate(PLACES), person.page.evaluate(PAINTED)
    run_id = person.done()
    assert before == running == person.page.evaluate(PLACES)
    assert person.page.evaluate(PAINTED) == pytest.approx(preview, abs=1)
    assert slow.prompt_of(run_id)["2"]["inputs"]["text"] == "a red lighthouse at dusk"
    expect(person.page.locator("#history .tile img")).to_have_count(1)
    expect(person.page.locator("#stage .headline")).to_contain_text("Done")
    width = person.page.locator("#stage .media img").evaluate(
        "image => image.decode().then(() => image.naturalWidth)"
    )
    assert width == 768
    two_presses_queue(person, run_id)


def two_presses_queue(person: Visitor, before: str) -> None:
    """Check that the user can remove a waiting run without affecting the other runs."""
    person.type("5.steps", 25)
    person.type("2.text", "a boat")
    person.press()
    expect(person.page.locator("img.live-frame")).to_be_visible()
    person.type("2.text", "a tree")
    person.press()
    expect(person.waiting()).to_have_count(1)
    expect(person.waiting()).to_contain_text("Next")
    person.press()
    expect(person.waiting()).to_have_count(2)
    person.page.get_by_role("button", name="Remove").last.click()
    expect(person.waiting()).to_have_count(1)
    person.site.demo.speed.step = 0
    expect(person.waiting()).to_have_count(0)
    expect(person.page.locator("#history .tile img")).to_have_count(3)
    second = person.done(after=before)
    assert person.site.prompt_of(second)["2"]["inputs"]["text"] == "a tree"


def test_a_failed_run_shows_the_cause(fast: Site, visit: Visit) -> None:
    """When a run fails on the server, the page says what happened and folds the details. It unfolds
    and marks the field of the failed node, and the form works again."""
    person = visit(fast).open(**{"5.steps": 2, "7.filename_prefix": "../outside"})
    expect(person.field("7.filename_prefix")).not_to_be_visible()
    person.press()
    person.phase("failed")
    expect(person.field("7.filename_prefix").locator(".field-error")).to_be_visible()
    assert set(person.errors()) == {"field-7-filename-prefix"}
    expect(person.page.locator("#stage .headline")).to_contain_text("Save image")
    expect(person.page.locator("#stage .advice")).not_to_be_empty()
    expect(person.page.locator("#stage details.detail")).to_be_visible()
    expect(person.page.locator("#stage details.detail pre")).not_to_be_visible()
    expect(person.page.locator("#stop")).to_be_disabled()
    person.type("7.filename_prefix", "inside")
    person.generate()


def test_stop_ends_the_run_on_the_server(slow: Site, visit: Visit) -> None:
    """The last preview stays, marked as stopped, and the focus goes to Generate."""
    person = visit(slow).open()
    expect(person.page.locator("#stop")).to_be_disabled()
    person.press()
    person.frames(1)
    person.page.locator("#stop").press("Enter")
    person.phase("stopped")
    expect(person.page.locator("#generate")).to_be_focused()
    eventually(slow.idle, "the server is idle")
    expect(person.page.locator("#stage .headline")).to_have_text("Stopped")
    expect(person.page.get_by_role("img", name="Last preview")).to_be_visible()
