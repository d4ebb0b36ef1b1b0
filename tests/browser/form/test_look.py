"""How the form looks: nothing is cut off, hangs over, or is larger than what stands beside it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.stage.test_results import prompt_with
from tests.support.samples.media import MEDIA
from tests.support.serving import running_app
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
SIZES = [(1440, 900), (820, 1180), (390, 844)]
INSIDE = """([selector, within]) => {
    const edge = document.querySelector(within).getBoundingClientRect();
    return [...document.querySelectorAll(selector)].filter((one) => {
        const { left, right, top, bottom, width } = one.getBoundingClientRect();
        const out = left < edge.left || right > edge.right || top < edge.top || bottom > edge.bottom;
        return width && out;
    }).length;
}"""
NUMBERS = """() => [...document.querySelectorAll("#form .block:has(input[type=range]) input[type=number]")]
    .filter((one) => one.checkVisibility())
    .map((one) => {
        const { width, height } = one.getBoundingClientRect();
        return [width, height <= one.parentElement.getBoundingClientRect().height];
    })"""
HEIGHTS = """() => ["#generate", "#count .wrap-inner", "#stop"].map(
    (one) => Math.round(document.querySelector(one).getBoundingClientRect().height / 3))"""
FONTS = """() => [...document.querySelectorAll("#form :is(input:not([type=range]), textarea)")]
    .filter((one) => one.checkVisibility()).map((one) => parseFloat(getComputedStyle(one).fontSize))"""
# Boxes and choices whose edge has less than three times the light of the page, or the page's of it.
FAINT = """() => {
    const light = (colour) => {
        const [red, green, blue] = colour.match(/[\\d.]+/g).map((part) =>
            part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
    };
    const page = light(getComputedStyle(document.body).backgroundColor);
    return [...document.querySelectorAll("input:is([type=radio], [type=checkbox]):not(:checked)")]
        .filter((one) => one.checkVisibility())
        .map((one) => [one.value, light(getComputedStyle(one).borderColor) / page])
        .filter(([, ratio]) => Math.max(ratio, 1 / ratio) < 3);
}"""


@pytest.mark.parametrize("size", SIZES)
def test_numbers_and_buttons(fast: Site, visit: Visit, size: tuple[int, int]) -> None:
    """The numbers beside sliders are equally wide and not cut off, the buttons below the form equally
    high; a phone has no reason to enlarge the page; a preset's long name stays in its list, which opens
    below its button."""
    person = visit(fast, viewport={"width": size[0], "height": size[1]}).open()
    person.unfold()
    numbers = person.page.evaluate(NUMBERS)
    assert len(numbers) >= 4
    assert len({width for width, _ in numbers}) == 1, numbers
    assert all(whole for _, whole in numbers), numbers
    assert len(set(person.page.evaluate(HEIGHTS))) == 1
    assert min(person.page.evaluate(FONTS)) >= (16 if size[0] < 1024 else 12)
    presets = person.page.locator("#presets summary")
    presets.scroll_into_view_if_needed()
    before = presets.bounding_box()
    presets.click()
    assert presets.bounding_box() == before
    person.page.get_by_label("Name of the preset").fill("a name as long as it may be " * 2)
    person.page.keyboard.press("Enter")
    expect(person.page.locator("#presets .use")).to_be_visible()
    assert person.page.evaluate(INSIDE, ["#presets *", "#form"]) == 0


def test_what_browsers_draw_themselves_is_dark_too(fast: Site, visit: Visit) -> None:
    """Players, boxes to tick and the bars of lists follow the page, not the system; boxes and choices
    are seen in both."""
    person = visit(fast, color_scheme="light").open()
    scheme = "getComputedStyle(document.querySelector('#stage')).colorScheme"
    assert person.page.evaluate(scheme) == "light"
    assert person.page.evaluate(FAINT) == []
    person.page.get_by_role("button", name="Switch theme").click()
    assert person.page.evaluate(scheme) == "dark"
    assert person.page.evaluate(FAINT) == []


def test_choices_are_one_stop_for_the_keyboard(fast: Site, visit: Visit) -> None:
    """Tab leads to the one that is chosen and past the others, as they stand; arrows from one to the
    next."""
    person = visit(fast).open()
    modes = person.page.locator(".seed-mode input")
    expect(modes.first).to_be_checked()
    person.field("5.steps").get_by_role("slider").focus()
    for key, at in (("Tab", 0), ("ArrowRight", 1), ("ArrowRight", 2)):
        person.page.keyboard.press(key)
        expect(modes.nth(at)).to_be_checked()
        expect(modes.nth(at)).to_be_focused()
    person.page.keyboard.press("Tab")
    expect(person.entry("5.seed")).to_be_focused()
    person.page.keyboard.press("Shift+Tab")
    expect(modes.nth(2)).to_be_focused()


@pytest.mark.parametrize("widget", ["video", "audio", "image", "file"])
def test_an_empty_field_for_files(fast: Site, visit: Visit, tmp_path: Path, widget: str) -> None:
    """Everything in it is within it: the icons that choose where a file comes from, too."""
    with a_field_for(widget, fast, tmp_path) as site:
        person = visit(site).open("files")
        words = "Drop, paste or choose an image" if widget == "image" else "Drop"
        expect(person.field("20.image").get_by_text(words).first).to_be_visible()
        stays_within(person)
        person.page.close()


def test_a_field_with_a_video(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """Its icons are within it, too. A video that the browser can't play is told there until it is
    taken out or another one comes, and nowhere else."""
    sentence = "This browser can't play this video. ComfyUI may still be able to use it."
    with a_field_for("video", fast, tmp_path) as site:
        person = visit(site).open("files")
        field = person.field("20.image")
        for name, said in (("plain.mp4", True), ("live.webm", False)):
            field.locator("input[type=file]").set_input_files(MEDIA / name)
            expect(field.locator("video")).to_be_visible()
            expect(field.get_by_text(sentence)).to_have_count(int(said))
            expect(person.page.locator(".toast-body")).to_have_count(0)
            stays_within(person)
            field.get_by_label("Clear").click()
            expect(field.get_by_text(sentence)).to_have_count(0)
        person.page.close()


@contextlib.contextmanager
def a_field_for(widget: str, fast: Site, folder: Path) -> Iterator[Site]:
    """A site whose workflow `files` has one field for files."""
    nodes = {
        "20": {"class_type": "LoadImage", "inputs": {"image": "nothing.png"}},
        "21": {"class_type": "PreviewImage", "inputs": {"images": ["20", 0]}},
    }
    (folder / "files.json").write_text(prompt_with(**nodes))
    about = f'[fields."20.image"]\nlabel = {json.dumps("A file")}\nwidget = "{widget}"\n'
    (folder / "files.toml").write_text(about)
    with running_app(fast.demo.url, workflows=folder) as app:
        yield Site(app.url, fast.demo, app)


def stays_within(person: Visitor) -> None:
    """Nothing of the field is outside of it, at any size."""
    for width, height in SIZES:
        person.page.set_viewport_size({"width": width, "height": height})
        parts = ["#field-20-image :is(button:not(.put-back), svg, span)", "#field-20-image"]
        assert person.page.evaluate(INSIDE, parts) == 0, width
