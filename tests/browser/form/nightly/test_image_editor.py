"""Image fields: what the server receives after an edit, Undo, and the other actions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, expect

from tests.browser.form.nightly.test_masks import choose, opened, sent_mask
from tests.browser.form.test_images import has_width, received, shown
from tests.support.visitor import Site, Visit, Visitor

KEY = "4.image"
SMALL = {"8.steps": 1, "5.width": 320, "5.height": 256}
COLORS = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def quarters(folder: Path, width: int = 96, height: int = 64) -> Path:
    """Save an image with another color in each quarter: red, lime / blue, white."""
    image = Image.new("RGB", (width, height))
    for at, color in enumerate(COLORS.values()):
        box = (width // 2 * (at % 2), height // 2 * (at // 2))
        image.paste(color, (*box, box[0] + width // 2, box[1] + height // 2))
    image.save(folder / "quarters.png")
    return folder / "quarters.png"


def corners(image: Image.Image) -> list[str]:
    """Return the colors at the corners: top left, top right, bottom left, bottom right."""
    names = {color: name for name, color in COLORS.items()}
    places = [(x, y) for y in (0, image.height - 1) for x in (0, image.width - 1)]
    seen = image.convert("RGB")
    return [names[seen.getpixel(place)] for place in places]  # type: ignore[index]


def editor(person: Visitor) -> Locator:
    """Open the editor of the form's image."""
    person.for_image(KEY, "Edit")
    dialog = person.page.get_by_role("dialog", name="Edit image")
    expect(dialog).to_be_visible()
    return dialog


def pull(dialog: Locator, **edges: int) -> None:
    """Type how many pixels each edge adds."""
    for edge, pixels in edges.items():
        dialog.get_by_label(edge.capitalize(), exact=True).fill(str(pixels))
        dialog.page.keyboard.press("Tab")


def apply(dialog: Locator) -> None:
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog).to_have_count(0)


def test_an_edited_image_reaches_the_server(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """By keyboard, the user crops, rotates and extends an image. The server receives exactly that.
    A later edit continues from the original, and Undo and Reset bring the original back."""
    person = visit(fast).open("image-to-image", **SMALL)
    shown(person)
    photo = quarters(tmp_path)
    person.for_image(KEY, "Remove image")
    person.field(KEY).locator("input[type=file]").set_input_files(photo)
    has_width(person, 96)
    dialog = editor(person)
    dialog.get_by_role("button", name="Rotate right").press("Enter")
    expect(dialog.locator("output")).to_have_text("64 × 96")
    apply(dialog)
    has_width(person, 64)
    turned = received(fast, person.generate())
    assert turned.size == (64, 96)
    assert corners(turned) == ["blue", "red", "white", "lime"]
    dialog = editor(person)
    dialog.get_by_role("button", name="Rotate left").press("Enter")
    pull(dialog, right=32, top=-16)
    dialog.page.keyboard.press("Control+z")
    expect(dialog.locator("output")).to_have_text("128 × 64")
    dialog.page.keyboard.press("Control+y")
    apply(dialog)
    has_width(person, 128)
    extended = received(fast, person.generate())
    assert extended.size == (128, 48)
    assert corners(extended) == ["red", "lime", "blue", "white"]
    person.page.locator("#undo").get_by_role("button", name="Undo").click()
    has_width(person, 64)
    dialog = editor(person)
    dialog.get_by_label("Aspect ratio").select_option("1:1")
    expect(dialog.locator("output")).to_have_text("64 × 64")
    dialog.get_by_role("button", name="Reset").click()
    apply(dialog)
    has_width(person, 96)
    sent = received(fast, person.generate())
    assert sent.convert("RGB").tobytes() == Image.open(photo).tobytes()


def test_pulling_an_edge_masks_the_new_area(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """The user drags an edge outward. The server receives the image below, the new area as a mask
    that fades into the image, and the paint in its place. Undo brings back image and paint."""
    person = opened(visit, fast)
    choose(person, quarters(tmp_path, 192, 128), (192, 128))
    dialog = editor(person)
    handle = dialog.locator(".edit-handle.right:not(.top, .bottom)")
    box = handle.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = person.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 30, y, steps=3)
    mouse.up()
    expect(dialog.get_by_label("Right", exact=True)).not_to_have_value("0")
    pull(dialog, right=64)
    apply(dialog)
    canvas = person.field(KEY).locator(".sheet canvas")
    expect(canvas).to_have_attribute("width", "256")
    run = person.generate()
    sent, mask = received(fast, run).convert("RGB"), sent_mask(fast, run)
    assert sent.size == mask.size == (256, 128)
    assert corners(sent) == ["red", "lime", "blue", "white"]
    row = [mask.getpixel((at, 64)) for at in range(256)]
    assert row[192:] == [255] * 64
    assert row[:152] == [0] * 152
    fading = row[152:192]
    assert fading == sorted(fading)  # type: ignore[type-var]
    assert len(set(fading)) > 20, "the mask keeps its eight bits"
    person.page.locator("#undo").get_by_role("button", name="Undo").click()
    expect(canvas).to_have_attribute("width", "192")


def test_an_image_is_changed_and_enlarged(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """“Choose another image” opens the browser's file dialog, and the image stays until another one is chosen.
    Enlarge shows the image over the whole window. Close, Esc and Back return to the form."""
    person = visit(fast).open("image-to-image", **SMALL)
    page, field = person.page, person.field(KEY)
    shown(person)
    address = field.locator("img").get_attribute("src")
    with page.expect_file_chooser() as chooser:
        person.for_image(KEY, "Choose another image")
    assert field.locator("img").get_attribute("src") == address
    chooser.value.set_files(quarters(tmp_path))
    has_width(person, 96)
    assert corners(received(fast, person.generate())) == list(COLORS)

    enlarged = page.get_by_role("dialog", name="Your image")
    ways: list[Callable[[], object]] = [
        lambda: enlarged.get_by_role("button", name="Close").click(),
        lambda: page.keyboard.press("Escape"),
        page.go_back,
    ]
    for leave in ways:
        person.for_image(KEY, "Enlarge")
        box, window = enlarged.locator("img").bounding_box(), page.viewport_size
        assert box
        assert window
        assert box["width"] > window["width"] * 0.9
        assert box["height"] > window["height"] * 0.8
        leave()
        expect(enlarged).to_have_count(0)
        expect(field.get_by_role("button", name="Change")).to_be_focused()
    has_width(person, 96)
