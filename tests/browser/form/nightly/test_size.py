"""Width and height as a single size, whose aspect ratio the user sees and selects."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.form.test_images import coloured_image
from tests.support.brought import give, own_prompt
from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site, Visit, Visitor

WATCH_LOADING = """() => {
    window.alone = new Set();
    const look = () => {
        if (document.querySelector(".size-field [id^=field-]")) return;
        for (const one of document.querySelectorAll("#form .swap, #form .ratios"))
            if (one.checkVisibility({ visibilityProperty: true })) window.alone.add(one.className);
    };
    new MutationObserver(look).observe(document, { childList: true, subtree: true });
}"""

HEIGHT = "one => one.getBoundingClientRect().height"


def pressed(person: Visitor) -> Locator:
    """Return the checked chips."""
    return person.page.locator(".chip[aria-checked=true]")


def size(person: Visitor) -> tuple[int, int]:
    """Return the width and height in the fields."""
    wide, high = (int(person.entry(key).input_value()) for key in ("4.width", "4.height"))
    return wide, high


def test_the_aspect_ratio_is_seen_and_chosen(fast: Site, visit: Visit) -> None:
    """The matching chip stays pressed after typing, a choice, a swap, a reload and Reset. Seldom
    ones and both numbers are folded. The size is also shown in words, unless a field is empty. A chosen ratio keeps the area,
    follows the field's steps and is sent. While the page loads, the controls around the number
    fields don't appear before them."""
    person = visit(fast)
    person.before_load(f"({WATCH_LOADING})()")
    person.open(**{"4.width": 768, "4.height": 512})
    expect(pressed(person)).to_have_text("3:2")
    swap = person.page.locator("#form .swap button")
    expect(swap).to_be_hidden()
    custom = person.page.get_by_role("button", name="Custom…")
    custom.press("Enter")
    expect(custom).to_have_attribute("aria-expanded", "true")
    expect(swap).to_be_visible()
    assert abs(swap.evaluate(HEIGHT) - person.entry("4.width").evaluate(HEIGHT)) < 1
    assert person.page.evaluate("[...window.alone]") == []
    person.for_form("Reset")
    said = person.page.locator(".ratios .said")
    expect(pressed(person)).to_have_text("1:1")
    expect(said).to_have_text("512 × 512")
    person.page.get_by_role("radio", name="16:9").click()
    expect(pressed(person)).to_have_text("16:9")
    assert size(person) == (680, 384)
    person.page.get_by_role("button", name="Swap width and height").click()
    expect(pressed(person)).to_have_text("9:16")
    assert size(person) == (384, 680)
    person.type("4.height", "640")
    expect(pressed(person)).to_have_count(0)
    expect(said).to_have_text("384 × 640")
    person.type("4.height", "")  # the author's
    expect(said).to_have_text("384 × 512")
    expect(pressed(person)).to_have_text("3:4")
    person.type("4.height", "576")
    expect(pressed(person)).to_have_text("2:3")
    person.page.reload()
    person.ready()
    expect(pressed(person)).to_have_text("2:3")
    inputs = fast.prompt_of(person.generate())["4"]["inputs"]
    assert (inputs["width"], inputs["height"]) == (384, 576)
    person.for_form("Reset")
    expect(pressed(person)).to_have_text("1:1")


def test_the_authors_own_size_is_a_chip(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """If the author's size matches no ratio, it has its own chip, which restores it exactly. On a
    phone, every chip is large enough to tap and inside the screen."""
    prompt = json.loads((WORKFLOWS / "text-to-image.json").read_text())
    prompt["4"]["inputs"] |= {"width": 840, "height": 1200}
    (tmp_path / "tall.json").write_text(json.dumps(prompt))
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        small = visit(Site(app.url, fast.demo, app), viewport={"width": 390, "height": 844})
        person = small.open("tall")
        expect(pressed(person)).to_have_text("840\N{MULTIPLICATION SIGN}1200")
        person.page.get_by_role("radio", name="1:1").click()
        expect(pressed(person)).to_have_text("1:1")
        person.page.get_by_role("radio", name="840\N{MULTIPLICATION SIGN}1200").click()
        expect(pressed(person)).to_have_text("840\N{MULTIPLICATION SIGN}1200")
        assert size(person) == (840, 1200)
        for chip in person.page.locator("#form .chip:visible").all():
            box = chip.bounding_box()
            assert box
            assert box["height"] >= 40
            assert box["x"] + box["width"] <= 390
        person.leave()


def test_an_image_with_added_room_keeps_no_shape(fast: Site, visit: Visit) -> None:
    """The form doesn't offer to match it, as it does where the image is only resized."""
    prompt = own_prompt()
    prompt["20"] = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}
    resized = {"image": ["20", 0], "upscale_method": "lanczos", "scale_by": 1.5}
    prompt["21"] = {"class_type": "ImageScaleBy", "inputs": resized}
    saved = {"images": ["21", 0], "filename_prefix": "other"}
    prompt["22"] = {"class_type": "SaveImage", "inputs": saved}
    person = visit(fast).open()
    sea = {"name": "sea.png", "mimeType": "image/png", "buffer": coloured_image()}
    for name, notes in (("resized.json", 1), ("padded.json", 0)):
        if not notes:
            room = dict.fromkeys(("left", "top", "right", "bottom", "feathering"), 8)
            padded = {"image": ["20", 0], **room}
            prompt["21"] = {"class_type": "ImagePadForOutpaint", "inputs": padded}
        give(person.page, json.dumps(prompt).encode(), name)
        field = person.field("20.image")
        expect(person.page.locator("#heading [data-own-shape]")).to_have_count(1 - notes)
        field.locator("input[type=file]").set_input_files(sea)
        expect(field.locator("img[src*='sea.png']")).to_be_visible()
        expect(field.locator(".shape-note")).to_have_count(notes)
