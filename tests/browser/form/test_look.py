"""How the form looks: nothing is cut off, hangs over, or is larger than what stands beside it."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

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
DROP = """(field, [data, name, type]) => {
    const dataTransfer = new DataTransfer();
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    dataTransfer.items.add(new File([bytes], name, { type }));
    field.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
}"""
SAID = "(one) => getComputedStyle(one, '::after').content"
FONTS = """() => [...document.querySelectorAll("input, select, textarea")]
    .filter((one) => one.checkVisibility()).map((one) => parseFloat(getComputedStyle(one).fontSize))"""


@pytest.mark.parametrize("size", SIZES)
def test_numbers_and_buttons(fast: Site, visit: Visit, size: tuple[int, int]) -> None:
    """The numbers beside sliders are equally wide and not cut off, the buttons below the form equally
    high; a phone has no reason to enlarge the page; a preset's long name stays in its list."""
    person = visit(fast, viewport={"width": size[0], "height": size[1]}).open()
    person.unfold()
    numbers = person.page.evaluate(NUMBERS)
    assert len(numbers) >= 4
    assert len({width for width, _ in numbers}) == 1, numbers
    assert all(whole for _, whole in numbers), numbers
    assert len(set(person.page.evaluate(HEIGHTS))) == 1
    assert min(person.page.evaluate(FONTS)) >= (16 if size[0] < 1024 else 12)
    person.page.locator("#presets summary").click()
    person.page.get_by_label("Name of the preset").fill("a name as long as it may be " * 2)
    person.page.keyboard.press("Enter")
    expect(person.page.locator("#presets .use")).to_be_visible()
    assert person.page.evaluate(INSIDE, ["#presets *", "#form"]) == 0


def test_what_browsers_draw_themselves_is_dark_too(fast: Site, visit: Visit) -> None:
    """Players, boxes to tick, the bars of lists and the slider of a brush follow the page, not the
    system."""
    person = visit(fast, color_scheme="light").open("inpaint")
    scheme = "getComputedStyle(document.querySelector('#stage')).colorScheme"
    slider = person.field("4.image").get_by_role("slider")
    expect(slider).to_be_visible()
    accent = "(one) => getComputedStyle(one).accentColor"
    assert person.page.evaluate(scheme) == "light"
    by_day = slider.evaluate(accent)
    person.page.get_by_role("button", name="Switch theme").click()
    assert person.page.evaluate(scheme) == "dark"
    assert slider.evaluate(accent) != by_day


@pytest.mark.parametrize("widget", ["video", "audio", "image", "file"])
def test_an_empty_field_for_files(fast: Site, visit: Visit, tmp_path: Path, widget: str) -> None:
    """It says what can be done, on a phone what is done there. Everything in it is within it: the
    icons that choose where a file comes from, too."""
    kinds = {"video": "a video", "audio": "an audio file", "image": "an image", "file": "a file"}
    with a_field_for(widget, fast, tmp_path) as site:
        person = visit(site).open("files")
        words = person.field("20.image").get_by_test_id("upload-text")
        assert words.evaluate(SAID) == f'"Drop, paste or choose {kinds[widget]}"'
        assert words.evaluate("(one) => getComputedStyle(one).fontSize") == "0px"  # Gradio's own
        stays_within(person)  # and goes to a phone
        assert words.evaluate(SAID) == '"Tap to choose"'
        person.page.close()


def test_a_field_with_a_video(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """Its icons are within it, too. A video that the browser can't play is told there until it is
    taken out or another one comes, and nowhere else. What is dropped there or chosen takes its place;
    what is no video does not."""
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
            if name == "plain.mp4":
                field.get_by_label("Clear").click()
                expect(field.get_by_text(sentence)).to_have_count(0)
        video = field.locator("video")
        drop(field, "plain.mp4", "video/mp4")
        expect(video).to_have_attribute("src", re.compile("plain.mp4$"))
        drop(field, "saved.flac", "audio/flac")
        expect(field.locator(".field-error")).to_contain_text("“saved.flac” isn't a video.")
        expect(video).to_have_attribute("src", re.compile("plain.mp4$"))
        with person.page.expect_file_chooser() as chooser:
            field.get_by_label("Upload file").click()
        chooser.value.set_files(MEDIA / "live.webm")
        expect(video).to_have_attribute("src", re.compile("live.webm$"))
        expect(field.locator(".field-error")).to_have_count(0)
        person.page.close()


def drop(field: Locator, name: str, kind: str) -> None:
    """Let go of a file over a field."""
    data = base64.b64encode((MEDIA / name).read_bytes()).decode()
    field.evaluate(DROP, [data, name, kind])


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
