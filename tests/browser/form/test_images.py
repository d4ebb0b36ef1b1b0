"""Image inputs: chosen, dropped, pasted, and taken from the results."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
DROP = """(field, [data, name]) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type: "image/png" }));
    for (const kind of ["dragenter", "dragover", "drop"])
        field.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer }));
}"""


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
    person.field(key).hover()
    person.field(key).get_by_label("Remove Image").click()
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


def test_an_image_reaches_the_server_from_every_input_method(
    fast: Site, visit: Visit, tmp_path: Path, nightly: bool
) -> None:
    """The workflow runs at once with the author's image. The user can choose a file with any name
    or drop it on an empty or filled field. The user can also paste an image on the page or use a
    result by “Use in…”. The page says if the image's shape differs from the result's. Without an
    image, Generate marks the field. The app searches an image dropped elsewhere for a workflow, and
    the browser doesn't leave the page."""
    person = visit(fast).open("image-to-image", **{"8.steps": 1, "5.width": 320, "5.height": 256})
    shown(person)
    assert received(fast, person.generate()).size[0] > 320
    is_chosen(person, tmp_path)
    is_dropped(person, width=104)
    without_image(person)
    person.press()
    expect(person.field("4.image").locator(".field-error")).to_be_visible()
    if nightly:
        is_dropped(person, width=112)
    is_pasted(person)
    is_dropped_beside(person)
    person.use_in("Your image")
    has_width(person, 320)
    assert received(fast, person.generate()).size == (320, 256)


def is_chosen(person: Visitor, folder: Path) -> None:
    """Choose a file for an empty field, and check the image that the server receives."""
    file = folder / "mein Bild ü'\".png"
    file.write_bytes(coloured_image())
    without_image(person)
    person.field("4.image").locator("input[type=file]").set_input_files(file)
    has_width(person, 96)
    note = person.page.locator(".block.ratios .field-note")
    expect(note).to_have_text("“Your image” has a different aspect ratio: 3:2.")
    sent = received(person.site, person.generate())
    assert sent.convert("RGB").getpixel((5, 5)) == (0x20, 0xC0, 0x40)
    assert sent.size == (96, 64)


def is_dropped(person: Visitor, width: int) -> None:
    """Drop an image on the field, empty or filled, and check the image that the server receives."""
    data = base64.b64encode(coloured_image(size=(width, 64))).decode()
    target = person.field("4.image").locator("button, img").first
    target.evaluate(DROP, [data, "dropped.png"])
    has_width(person, width)
    assert received(person.site, person.generate()).size == (width, 64)


def is_pasted(person: Visitor) -> None:
    """Paste an image while the focus is outside the fields, and check the image that the server
    receives."""
    person.page.locator("#heading").click()
    person.page.evaluate(
        """(data) => {
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "image.png", { type: "image/png" }));
            document.activeElement.dispatchEvent(
                new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: transfer }));
        }""",
        base64.b64encode(coloured_image(size=(120, 64))).decode(),
    )
    has_width(person, 120)
    assert received(person.site, person.generate()).size == (120, 64)


def is_dropped_beside(person: Visitor) -> None:
    """Drop an image on the heading, and check that the browser stays on the page."""
    with person.page.expect_console_message(lambda said: "422" in said.text):
        prevented = person.page.locator("#heading").evaluate("""heading => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["x"], "x.png", { type: "image/png" }));
            return ["dragover", "drop"].map((kind) => !heading.dispatchEvent(
                new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer })));
        }""")
    assert prevented == [True, True]
    person.forgive("422")
