"""Files that are too large or of the wrong kind: the user sees an error on the field."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from comfy.media.checks import MIB
from tests.browser.fixtures import STEP
from tests.browser.form.test_images import shown, without_image
from tests.media.test_checks import png_header
from tests.support.samples.media import saved
from tests.support.serving import running_demo_app
from tests.support.visitor import Site, Visit, Visitor
from ui.web.limits import WebLimits


def give(person: Visitor, key: str, data: bytes) -> None:
    """Choose a file for a field."""
    box = person.field(key).locator("input[type=file]").first
    box.set_input_files({"name": "a cat.png", "mimeType": "image/png", "buffer": data})


def kept(site: Site) -> set[Path]:
    return {path for path in site.services.copies.uploads.path.glob("*/*/*") if path.is_file()}


def is_of_another_kind(person: Visitor) -> None:
    """Check that the error names the file and says what to choose, and that no other message
    appears. The field keeps its image, and a valid file clears the error."""
    field = person.field("4.image")
    image = field.locator("img, canvas").first
    expect(image).to_be_visible()
    notes = {"name": "notes.md", "mimeType": "text/markdown", "buffer": b"# Notes"}
    field.locator("input[type=file]").first.set_input_files(notes)  # type: ignore[arg-type]
    note = field.locator(".field-error")
    expect(note).to_have_text(
        "notes.md: Choose an image file (PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF)."
    )
    expect(image).to_be_visible()
    expect(person.page.get_by_text("Invalid file type")).to_have_count(0)
    give(person, "4.image", saved("PNG"))
    expect(note).to_have_count(0)


def has_too_many_bytes(person: Visitor, file: Path) -> None:
    """Check that the browser refuses the file and that the field keeps its image."""
    with file.open("wb") as large:
        large.truncate(257 * MIB)  # a sparse file, which takes no disk space
    field = person.field("4.image")
    expect(field.locator("img")).to_be_visible()
    field.locator("input[type=file]").first.set_input_files(file)
    note = field.locator(".field-error")
    expect(note).to_have_text("large.png: This file is 257\xa0MB. The maximum is 256\xa0MB.")
    expect(field.locator("img")).to_be_visible()


def cannot_be_painted_over(person: Visitor) -> None:
    """Check that the field reports a file of another kind, an image that is too large, and a file
    that isn't an image. It keeps its image each time."""
    field = person.field("4.image")
    expect(field.locator(".sheet canvas")).not_to_have_attribute("width", "0")
    is_of_another_kind(person)
    image, note = field.locator(".sheet img"), field.locator(".field-error")
    expect(image).to_have_attribute("src", re.compile("cat"))
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
        expect(image).not_to_have_attribute("src", str(before))
    person.forgive("422")


def test_finding_10_a_page_with_a_discarded_form_works(
    visit: Visit, nothing_left_behind: None
) -> None:
    """Generate and the list of workflows work in a tab whose form the app discarded to make room
    for another tab's."""
    with running_demo_app(step_seconds=0, limits=WebLimits(person_pages=1)) as (demo, app):
        site = Site(app.url, demo, app)
        person = visit(site).open("text-to-image")
        person.type("2.text", "a lighthouse in the fog")
        person.another_tab("upscale").page.close()
        run_id = person.generate()
        assert site.prompt_of(run_id)["2"]["inputs"]["text"] == "a lighthouse in the fog"
        person.turn_to("upscale")
        person.leave()
        site.rest()


def test_a_refused_file_is_still_explained_at_generate(fast: Site, visit: Visit) -> None:
    """Without another file, Generate repeats why the field refused the last one."""
    person = visit(fast).open("image-to-image")
    field = person.field("4.image")
    shown(person)
    without_image(person)
    wrong = {"name": "song.flac", "mimeType": "audio/flac", "buffer": b"fLaC"}
    field.locator("input[type=file]").first.set_input_files(wrong)  # type: ignore[arg-type]
    error = field.locator(".field-error")
    expect(error).to_contain_text("song.flac")
    person.press()
    expect(person.page.locator("#of-fields")).to_have_text("Fix the highlighted fields.")
    expect(error).to_contain_text("song.flac")
    person.leave()


def test_a_refused_request_shows_the_reason(visit: Visit, nothing_left_behind: None) -> None:
    """If the app refuses a request, its sentence replaces “Sending…” or appears beside the current
    run."""
    with running_demo_app(step_seconds=STEP, limits=WebLimits(body=20_000)) as (
        demo,
        app,
    ):
        site = Site(app.url, demo, app)
        person = visit(site).open(**{"5.steps": 60})
        for place in ("#stage .headline", "#stage .objection"):
            person.type("2.text", "fog " * 10_000)
            person.press()
            said = person.page.locator(place)
            expect(said).to_contain_text("ComfyForms couldn't process this request.")
            expect(person.page.locator("#generate")).to_be_enabled()
            person.type("2.text", "a lighthouse in the fog")
            person.press()
            expect(said).not_to_contain_text("couldn't process")
            person.phase("running")
        demo.speed.step = 0
        person.forgive("413")
        person.leave()
        site.rest()


def test_a_file_is_refused_on_its_field(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """The field refuses an image with too many pixels immediately. The app keeps nothing of that
    file, and the field accepts a smaller image. The browser refuses a file with the wrong name or
    too many bytes before sending it. For a file that only claims to be an image, the sentence says
    which files the field takes. The ComfyUI server receives nothing."""
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
    cannot_be_painted_over(person.turn_to("inpaint"))
