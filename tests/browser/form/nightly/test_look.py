"""The look of the form: nothing is cut off, overlaps, or is too large."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from playwright.sync_api import Locator, ViewportSize, expect

from tests.browser.nightly.walk.states import at_every_size
from tests.browser.stage.test_results import prompt_with
from tests.support.samples.media import MEDIA
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor
from tests.support.waiting import eventually

SIZES = [ViewportSize(width=x, height=y) for x, y in ((1440, 900), (820, 1180), (390, 844))]
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
HEIGHTS = """() => ["#generate", "#many-button"].map(
    (one) => Math.round(document.querySelector(one).getBoundingClientRect().height / 3))"""
DROP = """(field, [data, name, type]) => {
    const dataTransfer = new DataTransfer();
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    dataTransfer.items.add(new File([bytes], name, { type }));
    field.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
}"""
SAID = "(one) => [getComputedStyle(one, '::after').content, getComputedStyle(one).fontSize]"
# The page scrolls, so that the list's text box is above the buttons.
ON_PAGE = "(one) => [one.getBoundingClientRect().x, one.getBoundingClientRect().y + scrollY]"
FONTS = """() => [...document.querySelectorAll("input, select, textarea")]
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


def test_numbers_and_buttons(fast: Site, visit: Visit) -> None:
    """The number boxes beside sliders are equally wide and not cut off, and the buttons below the
    form are equally high. A phone has no reason to zoom in. A preset's long name stays within its
    dialog. Players, checkboxes and scroll bars follow the page's theme,
    not the system's. Checkboxes and radio buttons are visible in both themes."""
    person = visit(fast, color_scheme="light").open()
    person.unfold()
    choices_are_one_stop(person)
    person.keep_preset(("a name as long as it may be " * 2).strip())
    for size in at_every_size(person.page, SIZES):
        numbers = person.page.evaluate(NUMBERS)
        assert len(numbers) >= 3
        assert len({width for width, _ in numbers}) == 1, numbers
        assert all(whole for _, whole in numbers), numbers
        assert len(set(person.page.evaluate(HEIGHTS))) == 1
        assert min(person.page.evaluate(FONTS)) >= (16 if size["width"] < 1024 else 12)
        assert person.page.evaluate(INSIDE, ["#presets *", "#presets"]) == 0
    person.page.keyboard.press("Escape")
    scheme = "getComputedStyle(document.querySelector('#stage')).colorScheme"
    assert person.page.evaluate(scheme) == "light"
    assert person.page.evaluate(FAINT) == []
    person.page.get_by_role("button", name="Menu").click()
    person.page.get_by_role("button", name="Dark theme").click()
    assert person.page.evaluate(scheme) == "dark"
    assert person.page.evaluate(FAINT) == []


def choices_are_one_stop(person: Visitor) -> None:
    """Check that Tab moves to the selected radio button, then past the others, and that arrow keys
    move from each to the next."""
    modes = person.page.locator(".seed-mode input")
    expect(modes.first).to_be_checked()
    person.field("5.steps").get_by_role("slider").focus()
    person.page.keyboard.press("Tab")
    expect(person.entry("5.seed")).to_be_focused()
    for key, at in (("Tab", 0), ("ArrowRight", 1), ("ArrowRight", 2)):
        person.page.keyboard.press(key)
        expect(modes.nth(at)).to_be_checked()
        expect(modes.nth(at)).to_be_focused()
    person.page.keyboard.press("Shift+Tab")
    expect(person.entry("5.seed")).to_be_focused()
    person.page.keyboard.press("Tab")
    expect(modes.nth(2)).to_be_focused()


def test_a_field_for_files(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """The field's text fits the input device, a finger or a pointer, at any window width.
    Everything in the field stays inside it, whether empty or with a video. This includes the icons
    for the file's source."""
    kinds = {"file": "a file", "audio": "an audio file", "image": "an image", "video": "a video"}
    with fields_for(kinds, fast, tmp_path) as site:
        first, *others = kinds
        person = visit(site).open(first)
        for widget in (first, *others):
            kind = kinds[widget]
            person.page.set_viewport_size(SIZES[0])
            if widget != first:
                person.turn_to(widget)
            words = person.field("20.image").get_by_test_id("upload-text")
            # The field of the form before has the same key, and goes while it is looked at. Gradio's
            # own words have no size.
            says(words, [f'"Drop, paste or choose {kind}"', "0px"])
            stays_within(person)  # and ends as narrow as a phone
            says(words, [f'"Drop, paste or choose {kind}"', "0px"])
        fingers = person.page.context.new_cdp_session(person.page)
        fingers.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
        person.page.set_viewport_size(SIZES[0])
        says(words, ['"Tap to choose"', "0px"])
        fingers.detach()
        takes_videos(person)
        person.leave()


def says(words: Locator, what: list[str]) -> None:
    """Wait until a field shows these instructions at this font size."""
    eventually(lambda: words.evaluate(SAID) == what, f"it says {what}")
    expect(words).to_be_visible()


def takes_videos(person: Visitor) -> None:
    """Check that only the field reports a video that the browser can't play, until the user removes
    or replaces the video. A video dropped there or chosen replaces the current video. Another kind
    of file doesn't."""
    sentence = "This browser can't play this video. ComfyUI may still be able to use it."
    field = person.field("20.image")
    video = field.locator("video")
    for name, said in (("plain.mp4", True), ("live.webm", False)):
        field.locator("input[type=file]").set_input_files(MEDIA / name)
        expect(video).to_be_visible()
        expect(field.get_by_text(sentence)).to_have_count(int(said))
        expect(person.page.locator(".toast-body")).to_have_count(0)
        stays_within(person)
        if name == "plain.mp4":
            field.get_by_label("Clear").click()
            expect(field.get_by_text(sentence)).to_have_count(0)
    drop(field, "plain.mp4", "video/mp4")
    expect(video).to_have_attribute("src", re.compile("plain.mp4$"))
    drop(field, "saved.flac", "audio/flac")
    expect(field.locator(".field-error")).to_contain_text("saved.flac: Choose a video file")
    expect(video).to_have_attribute("src", re.compile("plain.mp4$"))
    with person.page.expect_file_chooser() as chooser:
        field.get_by_label("Upload a file").click()
    chooser.value.set_files(MEDIA / "live.webm")
    expect(video).to_have_attribute("src", re.compile("live.webm$"))
    expect(field.locator(".field-error")).to_have_count(0)


def drop(field: Locator, name: str, kind: str) -> None:
    """Drop a file on a field."""
    data = base64.b64encode((MEDIA / name).read_bytes()).decode()
    field.evaluate(DROP, [data, name, kind])


@contextlib.contextmanager
def fields_for(widgets: Iterable[str], fast: Site, folder: Path) -> Iterator[Site]:
    """Run a site with a workflow for each kind of file, each with a single field."""
    nodes = {
        "20": {"class_type": "LoadImage", "inputs": {"image": "nothing.png"}},
        "21": {"class_type": "PreviewImage", "inputs": {"images": ["20", 0]}},
    }
    for widget in widgets:
        (folder / f"{widget}.json").write_text(prompt_with(**nodes))
        about = f'[fields."20.image"]\nlabel = {json.dumps("A file")}\nwidget = "{widget}"\n'
        (folder / f"{widget}.toml").write_text(about)
    with running_app(fast.demo.url, workflows=folder) as app:
        yield Site(app.url, fast.demo, app)


def stays_within(person: Visitor) -> None:
    """Check that everything in the field stays inside it, at every size."""
    for size in at_every_size(person.page, SIZES):
        parts = ["#field-20-image :is(button:not(.put-back), svg, span)", "#field-20-image"]
        assert person.page.evaluate(INSIDE, parts) == 0, size
