"""Pictures in: chosen, dropped, pasted, taken from the results, and painted over."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import pytest
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


def picture(colour: str = "#20c040", size: tuple[int, int] = (96, 64)) -> bytes:
    """A PNG of one colour."""
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, "PNG")
    return data.getvalue()


def received(site: Site, run_id: str, node: str = "4") -> Image.Image:
    """The picture that the server loaded in a run."""
    name = site.prompt_of(run_id)[node]["inputs"]["image"]
    path = site.demo.storage.find(name)
    assert path is not None
    return Image.open(io.BytesIO(path.read_bytes()))


def without_picture(person: Visitor, key: str = "4.image") -> None:
    """Take the example out of a picture field."""
    person.field(key).hover()
    person.field(key).get_by_label("Remove Image").click()
    expect(person.field(key).locator("img")).to_have_count(0)


def shown(person: Visitor, key: str = "4.image") -> None:
    """Wait until a picture field shows a picture."""
    person.page.wait_for_function(
        "id => document.querySelector(id + ' img')?.naturalWidth > 0",
        arg="#field-" + key.replace(".", "-"),
    )


def test_the_authors_picture_is_shown_and_used(fast: Site, visit: Visit) -> None:
    """A workflow with an example picture can be run at once."""
    person = visit(fast).open("image-to-image", **{"8.steps": 1})
    shown(person)
    run_id = person.generate()
    assert received(fast, run_id).size[0] > 96


def test_a_chosen_picture(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """A picture chosen from the disk arrives at the server, whatever its name."""
    (tmp_path / "mein Bild ü'\".png").write_bytes(picture())
    person = visit(fast).open("image-to-image", **{"8.steps": 1})
    without_picture(person)
    person.field("4.image").locator("input[type=file]").set_input_files(
        tmp_path / "mein Bild ü'\".png"
    )
    shown(person)
    run_id = person.generate()
    assert received(fast, run_id).convert("RGB").getpixel((5, 5)) == (0x20, 0xC0, 0x40)
    assert received(fast, run_id).size == (96, 64)


@pytest.mark.parametrize("full", [False, True], ids=["empty field", "full field"])
def test_a_dropped_picture(fast: Site, visit: Visit, full: bool) -> None:
    """A picture dropped on its field arrives at the server, also where there is one already."""
    person = visit(fast).open("image-to-image", **{"8.steps": 1})
    shown(person)
    if not full:
        without_picture(person)
    target = person.field("4.image").locator("button, img").first
    target.evaluate(DROP, [base64.b64encode(picture()).decode(), "dropped.png"])
    person.page.wait_for_function(
        "document.querySelector('#field-4-image img')?.naturalWidth === 96"
    )
    assert received(fast, person.generate()).size == (96, 64)


def test_a_pasted_picture(fast: Site, visit: Visit) -> None:
    """A picture pasted on the page goes into the picture field."""
    person = visit(fast).open("image-to-image", **{"8.steps": 1})
    shown(person)
    person.page.locator("#heading").click()
    person.page.evaluate(
        """(data) => {
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "image.png", { type: "image/png" }));
            document.activeElement.dispatchEvent(
                new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: transfer }));
        }""",
        base64.b64encode(picture()).decode(),
    )
    person.page.wait_for_function(
        "document.querySelector('#field-4-image img')?.naturalWidth === 96"
    )
    assert received(fast, person.generate()).size == (96, 64)


def test_a_picture_dropped_beside_a_field(fast: Site, visit: Visit) -> None:
    """A picture dropped elsewhere does not make the browser leave the page: it is looked through for
    a workflow, and has none."""
    person = visit(fast).open("image-to-image")
    with person.page.expect_console_message(lambda said: "422" in said.text):
        prevented = person.page.locator("#heading").evaluate("""heading => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["x"], "x.png", { type: "image/png" }));
            return ["dragover", "drop"].map((kind) => !heading.dispatchEvent(
                new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer })));
        }""")
    assert prevented == [True, True]
    person.forgive("422")


def test_a_missing_picture_is_said_on_its_field(fast: Site, visit: Visit) -> None:
    """Without a picture, Generate marks the field."""
    person = visit(fast).open("image-to-image")
    shown(person)
    without_picture(person)
    person.press()
    expect(person.field("4.image").locator(".field-error")).to_be_visible()


def test_a_result_as_input(fast: Site, visit: Visit) -> None:
    """“Use in…” puts a result into the image field, and the next run works on it."""
    person = visit(fast).open("image-to-image", **{"8.steps": 1, "5.width": 320, "5.height": 256})
    person.generate()
    person.use_in("Your image")
    person.page.wait_for_function(
        "document.querySelector('#field-4-image img')?.naturalWidth === 320"
    )
    assert received(fast, person.generate()).size == (320, 256)
