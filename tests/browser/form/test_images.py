"""Image inputs: chosen, dropped, pasted, and taken from the results."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

from tests.support.visitor import Site, Visit, Visitor


def coloured_image(colour: str = "#20c040", size: tuple[int, int] = (96, 64)) -> bytes:
    """Return a PNG of a single color."""
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, "PNG")
    return data.getvalue()


def received(site: Site, run_id: str, node: str = "4") -> Image.Image:
    """Return the image that the server loaded in a run."""
    name = site.prompt_of(run_id)[node]["inputs"]["image"]
    path = site.demo.storage.find(name)
    assert path is not None
    return Image.open(io.BytesIO(path.read_bytes()))


def without_image(person: Visitor, key: str = "4.image") -> None:
    """Remove the example from an image field."""
    person.for_image(key, "Remove image")
    expect(person.field(key).locator("img")).to_have_count(0)


def shown(person: Visitor, key: str = "4.image") -> None:
    """Wait until an image field shows an image."""
    person.page.wait_for_function(
        "id => document.querySelector(id + ' img')?.naturalWidth > 0",
        arg="#field-" + key.replace(".", "-"),
    )


def has_width(person: Visitor, width: int) -> None:
    """Wait until the field shows an image of this width."""
    person.page.wait_for_function(
        "width => document.querySelector('#field-4-image img')?.naturalWidth === width", arg=width
    )


def is_chosen(person: Visitor, folder: Path) -> None:
    """Choose a file for an empty field, and check the image that the server receives."""
    file = folder / "mein Bild ü'\".png"
    file.write_bytes(coloured_image())
    without_image(person)
    person.field("4.image").locator("input[type=file]").set_input_files(file)
    has_width(person, 96)
    note = person.field("4.image").locator(".shape-note")
    expect(note).to_contain_text("This image is 3:2, but the result will be 320 × 256.")
    note.get_by_role("button", name="Match the image").click()
    expect(note).to_have_count(0)
    expect(person.entry("5.width")).to_have_value("384")
    sent = received(person.site, person.generate())
    assert sent.convert("RGB").getpixel((5, 5)) == (0x20, 0xC0, 0x40)
    assert sent.size == (96, 64)


def test_a_chosen_image_and_a_result_reach_the_server(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """The user chooses a file with any name, and uses the result as the next image."""
    person = visit(fast).open("image-to-image", **{"8.steps": 1, "5.width": 320, "5.height": 256})
    shown(person)
    is_chosen(person, tmp_path)
    person.use_in("Your image")
    has_width(person, 384)
