"""Files that are too much or the wrong thing, as a person meets the refusal: a sentence on the
field."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from comfy.media.checks import MIB
from tests.browser.conftest import STEP
from tests.media.test_checks import png_header
from tests.support.samples.media import saved
from tests.support.serving import running_demo_app
from tests.support.visitor import Site, Visitor
from ui.web.limits import WebLimits

Visit = Callable[..., Visitor]


def give(person: Visitor, key: str, data: bytes) -> None:
    """Choose a file for a field."""
    box = person.field(key).locator("input[type=file]").first
    box.set_input_files({"name": "a cat.png", "mimeType": "image/png", "buffer": data})


def kept(site: Site) -> set[Path]:
    """What lies in the folder of uploads."""
    return {path for path in site.services.copies.uploads.path.glob("*/*/*") if path.is_file()}


def test_a_file_is_refused_on_its_field(
    fast: Site, visit: Visit, every: bool, tmp_path: Path
) -> None:
    """An image that is too large as soon as it is given, where it was given; nothing of it stays, and
    a smaller one is taken in its place. A file of another kind, by its name, or of too many bytes
    before it is sent. What is no image, whatever it is called: the sentence says what the field
    takes, and nothing is sent to the server."""
    person = visit(fast).open("upscale")
    before = kept(fast)
    give(person, "4.image", png_header(30_000, 30_000))
    note = person.field("4.image").locator(".field-error")
    expect(note).to_have_text(
        "a cat.png: An image can have at most 67 million pixels. Make it smaller first."
    )
    below = note.evaluate(
        "note => note.parentElement.nextElementSibling.getBoundingClientRect().top"
    )
    box = note.bounding_box()
    assert box is not None
    assert box["height"] > 10
    assert box["y"] + box["height"] <= below
    assert kept(fast) == before
    person.forgive("422")
    give(person, "4.image", saved("PNG"))
    expect(person.field("4.image").locator("img")).to_be_visible()
    person.generate()
    expect(note).to_have_count(0)
    is_of_another_kind(person)
    has_too_many_bytes(person, tmp_path / "large.png")
    give(person, "4.image", b"no image at all")
    expect(person.field("4.image").locator("img")).to_be_attached()
    person.press()
    expect(note).to_contain_text("Choose an image file")
    assert not fast.demo.queue.remaining()
    if every:
        cannot_be_painted_over(person.turn_to("inpaint"))


def is_of_another_kind(person: Visitor) -> None:
    """The sentence names the file and says what to choose; nobody else says it, what the field has
    stays, and one that fits takes the sentence away."""
    field = person.field("4.image")
    image = field.locator("img, canvas").first
    expect(image).to_be_visible()
    notes = {"name": "notes.md", "mimeType": "text/markdown", "buffer": b"# Notes"}
    field.locator("input[type=file]").first.set_input_files(notes)  # type: ignore[arg-type]
    note = field.locator(".field-error")
    expect(note).to_have_text(
        "“notes.md” isn't an image. Choose an image file (PNG, JPEG or WebP)."
    )
    expect(image).to_be_visible()
    expect(person.page.get_by_text("Invalid file type")).to_have_count(0)
    give(person, "4.image", saved("PNG"))
    expect(note).to_have_count(0)


def has_too_many_bytes(person: Visitor, file: Path) -> None:
    """It is refused in the browser; what the field has stays."""
    with file.open("wb") as large:
        large.truncate(257 * MIB)  # of which nothing is on the disk
    field = person.field("4.image")
    expect(field.locator("img")).to_be_visible()
    field.locator("input[type=file]").first.set_input_files(file)
    note = field.locator(".field-error")
    expect(note).to_have_text("large.png: This file has 257\xa0MB. The maximum is 256\xa0MB.")
    expect(field.locator("img")).to_be_visible()


def cannot_be_painted_over(person: Visitor) -> None:
    """What is of another kind, too large or no image is told on the field, which keeps the image it
    had."""
    field = person.field("4.image")
    expect(field.locator(".sheet canvas")).not_to_have_attribute("width", "0")
    is_of_another_kind(person)
    image, note = field.locator(".sheet img"), field.locator(".field-error")
    expect(image).to_have_attribute("src", re.compile("."))
    for data, said in (
        (png_header(30_000, 30_000), "at most 67 million pixels"),
        (b"no image", "can't be read"),
    ):
        before = image.get_attribute("src")
        give(person, "4.image", data)
        expect(note).to_contain_text(said)
        assert image.get_attribute("src") == before
        give(person, "4.image", saved("PNG"))
        expect(note).to_have_count(0)
    person.forgive("422")


@pytest.mark.every  # tests/security/test_availability.py puts a page aside
def test_finding_10_a_page_that_was_put_aside_loads_itself_again(
    visit: Visit, nothing_left_behind: None
) -> None:
    """Generate in a tab whose form made room for another's: it loads itself again with what was
    typed, and says so."""
    with running_demo_app(step_seconds=0, limits=WebLimits(person_pages=1)) as (demo, app):
        site = Site(app.url, demo, app)
        person = visit(site).open("text-to-image")
        person.type("2.text", "a lighthouse in the fog")
        person.another_tab("upscale").page.close()
        person.press()
        expect(person.page.locator("#stage .headline")).to_contain_text("closed to make room")
        person.ready()
        expect(person.entry("2.text")).to_have_value("a lighthouse in the fog")
        person.generate()
        person.forgive("422")
        person.leave()
        site.rest()


@pytest.mark.every  # tests/security/test_availability.py refuses such a press
def test_a_press_that_is_refused_says_why(visit: Visit, nothing_left_behind: None) -> None:
    """Where the app takes no such request, its sentence replaces “Sending…”, or stands beside the
    run that goes on."""
    with running_demo_app(step_seconds=STEP, limits=WebLimits(page_body=20_000)) as (
        demo,
        app,
    ):
        site = Site(app.url, demo, app)
        person = visit(site).open(**{"5.steps": 60})
        for place in ("#stage .headline", "#stage .objection"):
            person.type("2.text", "fog " * 10_000)
            person.press()
            said = person.page.locator(place)
            expect(said).to_contain_text("This is more than the app takes at once")
            expect(person.page.locator("#generate")).to_be_enabled()
            person.type("2.text", "a lighthouse in the fog")
            person.press()
            expect(said).not_to_contain_text("more than the app takes")
            person.phase("running")
        demo.speed.step = 0
        person.forgive("413")
        person.leave()
        site.rest()
