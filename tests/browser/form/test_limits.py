"""Files that are too large or of the wrong kind: the user sees an error on the field."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from comfy.media.checks import MIB
from tests.media.test_checks import png_header
from tests.support.samples.media import saved
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]


def give(person: Visitor, key: str, data: bytes) -> None:
    """Choose a file for a field."""
    box = person.field(key).locator("input[type=file]").first
    box.set_input_files({"name": "a cat.png", "mimeType": "image/png", "buffer": data})


def kept(site: Site) -> set[Path]:
    return {path for path in site.services.copies.uploads.path.glob("*/*/*") if path.is_file()}


def test_a_file_is_refused_on_its_field(
    fast: Site, visit: Visit, nightly: bool, tmp_path: Path
) -> None:
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
    if nightly:
        cannot_be_painted_over(person.turn_to("inpaint"))


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
