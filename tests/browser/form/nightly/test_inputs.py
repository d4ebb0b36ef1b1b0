"""Image inputs: chosen, dropped, pasted, and taken from the results."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import FilePayload, expect

from tests.browser.form.test_images import (
    Visit,
    coloured_image,
    has_width,
    is_chosen,
    received,
    shown,
    without_image,
)
from tests.support.visitor import Site, Visitor

DROP = """(field, [data, name]) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type: "image/png" }));
    for (const kind of ["dragenter", "dragover", "drop"])
        field.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer }));
}"""


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


def test_an_image_reaches_the_server_from_every_input_method(
    fast: Site, visit: Visit, tmp_path: Path
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
    is_dropped(person, width=112)
    is_pasted(person)
    is_dropped_beside(person)
    person.use_in("Your image")
    has_width(person, 384)
    assert received(fast, person.generate()).size == (384, 256)


def test_an_image_that_the_browser_cant_show_has_its_name(fast: Site, visit: Visit) -> None:
    """A TIFF and a damaged image keep their place in the field, until another one replaces them or
    the user removes them."""
    person = visit(fast).open("image-to-image")
    field = person.field("4.image")

    def give(name: str, kind: str, data: bytes, why: str) -> None:
        given: FilePayload = {"name": name, "mimeType": kind, "buffer": data}
        field.locator("input[type=file]").set_input_files(given)
        expect(field.get_by_text(f"{name}: {why}")).to_be_in_viewport(ratio=1)

    scan = io.BytesIO()
    Image.new("RGB", (96, 64)).save(scan, "TIFF")
    without_image(person)
    give("scan.tif", "image/tiff", scan.getvalue(), "This browser can't show this image.")
    field.get_by_role("button", name="Remove image").click()
    give("torn.png", "image/png", coloured_image()[:20], "This image can't be read.")
    target = field.locator(".unplayable")
    target.evaluate(DROP, [base64.b64encode(coloured_image()).decode(), "dropped.png"])
    has_width(person, 96)
    expect(target).to_have_count(0)
    person.leave()
