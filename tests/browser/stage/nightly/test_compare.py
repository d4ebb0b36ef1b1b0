"""Comparison of a result with the image that it was made from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.form.nightly.test_masks import opened, stroke
from tests.browser.nightly.walk.states import at_every_size
from tests.support.brought import give, own_prompt
from tests.support.visitor import Site, Visit

PHONES = [ViewportSize(width=390, height=844), ViewportSize(width=360, height=740)]
ROWS = """(tools) => [...tools.querySelectorAll("button, a")]
    .filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().top)"""


def lies_over_the_result(page: Page) -> None:
    """Check that both images have the same height and the same center."""
    before, after = (
        page.locator(f"#stage {one}").bounding_box() for one in (".before img", ".media > img")
    )
    assert before
    assert after
    assert before["height"] == pytest.approx(after["height"], abs=1)
    assert before["width"] == pytest.approx(before["height"], abs=1)
    for start, size in (("x", "width"), ("y", "height")):
        middles = [box[start] + box[size] / 2 for box in (before, after)]
        assert middles[0] == pytest.approx(middles[1], abs=1)


def is_on_the_image(page: Page) -> None:
    """Check that the line, its knob and its label lie on the image, on a phone whose window is
    mostly black. At the window's edge, the whole knob is within reach."""
    size = page.viewport_size
    assert size
    page.set_viewport_size(PHONES[0])
    image = page.locator("#stage .before img").bounding_box()
    knob = page.locator("#stage .split").bounding_box()
    line = page.locator("#stage .before").evaluate(
        "before => parseFloat(getComputedStyle(before, '::after').height)"
    )
    assert image
    assert knob
    assert line == pytest.approx(image["height"], abs=1)
    assert image["y"] <= knob["y"]
    assert knob["y"] + knob["height"] <= image["y"] + image["height"]
    word = page.locator("#stage .before").get_by_text("Before", exact=True).bounding_box()
    assert word
    assert image["y"] <= word["y"] <= image["y"] + image["height"] - word["height"]
    at = [PHONES[0]["width"] - 36, knob["y"] + knob["height"] / 2]
    assert page.evaluate("at => document.elementFromPoint(...at).className", at) == "grip"
    page.set_viewport_size(size)


def is_dragged(page: Page) -> None:
    """Check that the mouse drags the slider by its knob, by the line above the knob, and by any
    point of the image. The slider then has the focus."""
    image = page.locator("#stage .before img").bounding_box()
    split = page.get_by_role("slider", name="Compare with the original")
    knob = split.bounding_box()
    assert image
    assert knob

    def at(percent: float) -> float:
        return image["x"] + image["width"] * percent / 100

    ways = [(50, knob["y"] + 20), (80, image["y"] + image["height"] / 3), (60, knob["y"] - 40)]
    for (start, down), end in zip(ways, (80, 30, 20), strict=True):
        page.mouse.move(at(start), down)
        page.mouse.down()
        assert float(split.input_value()) == pytest.approx(start, abs=1)
        page.mouse.move(at(end), down + 9, steps=6)
        page.mouse.up()
        assert float(split.input_value()) == pytest.approx(end, abs=1)
    assert not page.evaluate("() => document.querySelector('#stage .viewport').matches(':modal')")
    expect(split).to_be_focused()


def test_before_and_after(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """Compare draws the source image over the result, up to a slider that mouse and keys move. This
    also works in full screen, where a phone shows all buttons in one row. The next result starts
    without the comparison."""
    given = tmp_path / "given.png"
    Image.new("RGB", (640, 480), (200, 30, 30)).save(given)
    person = visit(fast).open("image-to-image", **{"8.steps": 1})
    page = person.page
    compare = page.get_by_role("button", name="Compare")
    person.field("4.image").locator("input[type=file]").first.set_input_files(given)
    expect(person.field("4.image").locator("img[src*='given.png']")).to_be_visible()
    person.generate()
    compare.click()
    before = page.locator("#stage .before img")
    expect(before).to_be_visible()
    lies_over_the_result(page)
    is_dragged(page)
    split = page.get_by_role("slider", name="Compare with the original")
    split.press("End")
    expect(split).to_have_value("100")
    page.locator("#stage").get_by_role("button", name="Full screen", exact=True).click()
    split.press("Home")
    page.mouse.click(680, 450)
    assert float(split.input_value()) == pytest.approx(50, abs=1)
    split.press("End")
    page.keyboard.press("+")
    lies_over_the_result(page)
    page.keyboard.press("0")
    is_on_the_image(page)
    for _ in at_every_size(page, PHONES):
        tops = page.locator("#stage .tools").evaluate(ROWS)
        assert len(set(tops)) == 1, tops
    split.press("Escape")
    expect(before).to_be_hidden()
    expect(compare).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Exit full screen")).to_have_count(0)
    compare.click()
    person.generate()
    expect(before).to_be_hidden()
    expect(compare).to_have_attribute("aria-pressed", "false")


def test_before_the_paint(fast: Site, visit: Visit) -> None:
    """Compare shows the original of a painted image, whole and without the paint. Both stage
    buttons are visible wherever the pointer is, and both sides are labeled."""
    person = opened(visit, fast)
    stroke(person, (0.3, 0.3), (0.6, 0.6))
    person.generate()
    page = person.page
    page.mouse.move(5, 5)
    compare = page.locator("#stage .compare")
    for one in (compare, page.locator("#stage button.full")):
        expect(one).to_have_css("opacity", "1")
    compare.click()
    before = page.locator("#stage .before img")
    expect(before).to_be_visible()
    least_alpha = before.evaluate("""image => {
        const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((_, at) => at % 4 === 3).reduce((one, other) => Math.min(one, other));
    }""")
    assert least_alpha == 255
    for word in ("Before", "After"):
        expect(page.locator("#stage .before").get_by_text(word, exact=True)).to_be_visible()


def test_compare_and_full_screen_stand_on_the_picture(fast: Site, visit: Visit) -> None:
    """They are on a square picture in a wide box, and on a wide one in a high box. Esc leaves the
    comparison, wherever the focus is."""
    person = visit(fast, viewport={"width": 1440, "height": 900})
    person.open("image-to-image", **{"8.steps": 1})
    page = person.page
    expect(person.field("4.image").locator("img")).to_be_visible()
    person.generate()
    compare = page.get_by_role("button", name="Compare")
    compare.click()
    before = page.locator("#stage .before img")
    expect(before).to_be_visible()
    picture = before.bounding_box()
    assert picture
    for name in ("Compare", "Full screen"):
        box = page.locator("#stage").get_by_role("button", name=name, exact=True).bounding_box()
        assert box
        assert picture["x"] < box["x"]
        assert box["x"] + box["width"] < picture["x"] + picture["width"]
        assert picture["y"] < box["y"] < picture["y"] + 40
    expect(compare).to_be_focused()
    page.keyboard.press("Escape")
    expect(before).to_be_hidden()
    compare.click()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Escape")
    expect(before).to_be_hidden()
    expect(compare).to_be_focused()


def test_the_steps_of_a_text_are_compared_on_request(fast: Site, visit: Visit) -> None:
    """A result that began with a text is alone at first, and its comparison isn't repeated among
    the previews."""
    prompt = own_prompt()
    prompt["5"]["inputs"]["steps"] = 1
    prompt["8"] = {
        "class_type": "ImageScaleBy",
        "inputs": {"image": ["6", 0], "upscale_method": "lanczos", "scale_by": 1.5},
    }
    sides = {"compare_view": "", "image_a": ["6", 0], "image_b": ["8", 0]}
    prompt["9"] = {"class_type": "ImageCompare", "inputs": sides}
    prompt["7"]["inputs"]["images"] = ["8", 0]
    person = visit(fast).open()
    give(person.page, json.dumps(prompt).encode(), "brought.json")
    person.generate()
    compare = person.page.locator("#stage").get_by_role("button", name="Compare").first
    expect(compare).to_have_attribute("aria-pressed", "false")
    expect(person.page.locator("#stage .before img")).to_be_hidden()
    expect(person.page.get_by_text("Previews (")).to_be_hidden()
    compare.click()
    expect(person.page.locator("#stage .before img")).to_be_visible()
