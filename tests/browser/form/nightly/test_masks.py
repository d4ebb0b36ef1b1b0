"""Masks painted on images: the tools, the mask that the server receives, and what the form
keeps."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Locator, expect

from tests.browser.form.test_images import coloured_image, received
from tests.support.visitor import Site, Visit, Visitor

KEY = "4.image"
# Count the painted pixels. Pixels at the edges of a stroke count in part.
PAINTED = """() => {
    const canvas = document.querySelector(".sheet canvas");
    if (!canvas) return 0; // while a form is drawn
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let sum = 0;
    for (let at = 3; at < data.length; at += 4) sum += data[at];
    return sum / 255;
}"""


def opened(visit: Visit, site: Site, **options: object) -> Visitor:
    """Open a form whose image is ready for painting, and return its visitor."""
    person = visit(site, **options).open("inpaint", **{"7.steps": 1})
    expect(person.field(KEY).locator(".sheet canvas")).not_to_have_attribute("width", "0")
    return person


def tool(person: Visitor, name: str) -> Locator:
    """Return the tool with this name."""
    return person.field(KEY).get_by_role("button", name=name, exact=True)


def seldom(person: Visitor, name: str) -> Locator:
    """Return a rarely used tool, which More shows."""
    more = tool(person, "More")
    if more.get_attribute("aria-expanded") == "false":
        more.click()
    return tool(person, name)


def painted(person: Visitor) -> float:
    return float(person.page.evaluate(PAINTED))


def stroke(person: Visitor, *points: tuple[float, float]) -> None:
    """Paint a line through points, each given as fractions of width and height."""
    sheet = person.field(KEY).locator(".sheet")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box
    for number, (x, y) in enumerate(points):
        person.page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y, steps=4)
        if not number:
            person.page.mouse.down()
    person.page.mouse.up()


def choose(person: Visitor, photo: Path, size: tuple[int, int]) -> None:
    """Choose an image of this size to paint on."""
    person.field(KEY).locator("input[type=file]").set_input_files(photo)
    canvas = person.field(KEY).locator(".sheet canvas")
    expect(canvas).to_have_attribute("width", str(size[0]))
    expect(canvas).to_have_attribute("height", str(size[1]))


def sent_mask(site: Site, run_id: str) -> Image.Image:
    """Return the mask that the server received, white where painted."""
    return ImageChops.invert(received(site, run_id).getchannel("A"))


def difference(one: Image.Image, other: Image.Image) -> int:
    assert one.size == other.size
    histogram = ImageChops.difference(one, other).histogram()
    return sum(histogram[1:])


def photo_of(folder: Path, size: tuple[int, int], orientation: int = 1) -> Path:
    """Create a photo that appears in this size, with this EXIF orientation."""
    width, height = size if orientation < 5 else size[::-1]
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(folder / "photo.jpg", exif=exif)
    return folder / "photo.jpg"


# Widths and heights, and how the camera was held.
PHOTOS = (((333, 517), 1), ((1023, 769), 1), ((301, 405), 6))


def test_a_mask_stays_where_it_is_to_the_pixel(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """The server receives the same mask, pixel for pixel, after a reload, after the user paints
    more and undoes it, and after the user restores the run's values."""
    person = opened(visit, fast)
    for size, orientation in PHOTOS:
        choose(person, photo_of(tmp_path, size, orientation), size)
        stays_to_the_pixel(person, fast, size)


def stays_to_the_pixel(person: Visitor, fast: Site, size: tuple[int, int]) -> None:
    """Paint on an image of this size, and check the mask that the server receives each time."""
    stroke(person, (0.2, 0.3), (0.7, 0.35), (0.6, 0.8))
    stroke(person, (0.85, 0.9), (0.97, 0.98))
    first = sent_mask(fast, person.generate())
    assert first.size == size
    assert first.getextrema() == (0, 255)
    seen = painted(person)
    person.page.reload()
    person.ready()
    expect(person.field(KEY).locator(".sheet canvas")).to_have_attribute("width", str(size[0]))
    assert painted(person) == seen
    tool(person, "Undo").click()
    assert painted(person) == 0
    tool(person, "Redo").click()
    assert painted(person) == seen
    assert difference(first, sent_mask(fast, person.generate())) == 0
    stroke(person, (0.1, 0.9), (0.3, 0.9))
    assert painted(person) > seen
    person.page.keyboard.press("Control+z")
    assert painted(person) == seen
    run_id = person.generate()
    assert difference(first, sent_mask(fast, run_id)) == 0
    seldom(person, "Clear").click()
    assert painted(person) == 0
    person.act("Reuse settings")
    person.page.wait_for_function(f"seen => ({PAINTED})() === seen", arg=seen)
    assert difference(first, sent_mask(fast, person.generate())) == 0


def changes_only_what_is_painted(person: Visitor, fast: Site) -> None:
    """Check that the painted area arrives as transparency with all colors intact, and that the
    result differs only there."""
    stroke(person, (0.45, 0.5), (0.55, 0.5))
    run_id = person.generate()
    sent = received(fast, run_id)
    assert sent.mode == "RGBA"
    alpha = sent.getchannel("A")
    assert alpha.getpixel((sent.width // 2, sent.height // 2)) == 0
    assert alpha.getpixel((8, 8)) == alpha.getpixel((sent.width - 8, sent.height - 8)) == 255
    assert sent.convert("RGB").getpixel((sent.width // 2, sent.height // 2)) != (255, 255, 255)
    source = str(person.page.locator("#stage .media img").evaluate("image => image.src"))
    result = Image.open(io.BytesIO(person.page.request.get(source).body())).convert("RGB")
    before = sent.convert("RGB")
    assert result.size == before.size
    painted = alpha.point(lambda value: 255 - value).getbbox()
    assert painted
    difference = changed(before, result)
    assert difference is not None
    slack = 48  # the mask is grown a little and feathered
    assert difference[0] >= painted[0] - slack
    assert difference[1] >= painted[1] - slack
    assert difference[2] <= painted[2] + slack
    assert difference[3] <= painted[3] + slack


def changed(one: Image.Image, other: Image.Image) -> tuple[int, int, int, int] | None:
    """Return the box in which two images differ visibly."""
    return (
        ImageChops.difference(one, other)
        .convert("L")
        .point(lambda value: 255 if value > 12 else 0)
        .getbbox()
    )


def test_the_tools_of_a_mask(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """The brush leaves the image visible and shows its size. Size, eraser, invert, clear, undo and
    redo work, also by keyboard, and each has a name. A new image starts without a mask."""
    person = opened(visit, fast)
    page, field = person.page, person.field(KEY)
    assert float(field.locator("canvas").evaluate("one => getComputedStyle(one).opacity")) == 0.5
    ring, size = field.locator(".ring"), field.get_by_role("slider", name="Brush size")
    stroke(person, (0.3, 0.3), (0.4, 0.3))
    thin = painted(person)
    wide = ring.bounding_box()
    page.keyboard.press("]")
    page.keyboard.press("]")
    wider = ring.bounding_box()
    assert wide
    assert wider
    assert wider["width"] > wide["width"]
    expect(size).to_have_value("45")
    stroke(person, (0.3, 0.6), (0.4, 0.6))
    both = painted(person)
    assert both > 2.2 * thin
    tool(person, "Eraser").click()
    expect(tool(person, "Eraser")).to_have_attribute("aria-pressed", "true")
    stroke(person, (0.25, 0.3), (0.45, 0.3))
    assert painted(person) < both - 0.9 * thin
    page.keyboard.press("Control+z")
    assert painted(person) == both
    page.keyboard.press("Control+Shift+z")
    assert painted(person) < both
    tool(person, "Undo").click()
    seldom(person, "Invert").click()
    whole = field.locator("canvas").evaluate("one => one.width * one.height")
    assert painted(person) == pytest.approx(whole - both, abs=1)
    seldom(person, "Clear").click()
    assert painted(person) == 0
    tool(person, "Undo").click()
    tool(person, "Undo").click()
    assert painted(person) == both
    tool(person, "Redo").click()
    assert painted(person) == pytest.approx(whole - both, abs=1)
    person.for_image(KEY, "Enlarge")
    box = field.locator("dialog:modal").bounding_box()
    assert box
    assert box["width"] == page.viewport_size["width"]
    expect(tool(person, "More")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(field.locator("dialog:modal")).to_have_count(0)
    person.for_image(KEY, "Remove image")
    expect(field.locator(".choose")).to_be_focused()
    person.for_form("Reset")
    expect(field.locator(".sheet canvas")).not_to_have_attribute("width", "0")
    another_image_takes_its_place(person, tmp_path)
    is_left_and_seen_in_the_dark(person)


def test_nothing_is_masked(fast: Site, visit: Visit) -> None:
    """Before a run without a mask, the page asks the user to paint or to run anyway. It asks only
    once. An erased mask counts as no mask. The user can also paint with keys. Generate waits until
    the mask is uploaded. With a mask, only the painted area changes."""
    person = opened(visit, fast)
    field = person.field(KEY)
    question = field.get_by_text("Nothing is painted,")
    field.evaluate("it => it.classList.add('guide', 'optional')")  # a further mask may be empty
    person.generate()
    field.evaluate("it => it.classList.remove('guide', 'optional')")
    person.press()
    expect(question).to_be_visible()
    field.get_by_role("button", name="Keep painting").click()
    expect(question).to_have_count(0)
    is_painted_by_keys(person)
    stroke(person, (0.4, 0.4), (0.6, 0.4))
    tool(person, "Undo").click()
    person.page.keyboard.press("Control+Enter")
    expect(question).to_be_visible()
    assert not fast.demo.queue.remaining()
    field.get_by_role("button", name="Run anyway").click()
    run_id = person.done()
    assert sent_mask(fast, run_id).getextrema() == (0, 0)
    assert person.generate() != run_id
    stroke(person, (0.4, 0.4), (0.6, 0.4))
    stroke(person, (0.4, 0.7), (0.6, 0.7))
    run_id = person.generate()
    mask = sent_mask(fast, run_id)
    assert mask.getpixel((mask.width // 2, round(mask.height * 0.7))) == 255
    seldom(person, "Clear").click()
    changes_only_what_is_painted(person, fast)


def is_painted_by_keys(person: Visitor) -> None:
    """Check that arrow keys move the brush ring from its last position up to the image's edge. The
    space bar paints a point there, or a line if arrow keys move the ring meanwhile. The page
    announces each action to screen readers. Esc moves the focus to the tools."""
    page, ring = person.page, person.field(KEY).locator(".ring")
    sheet = person.field(KEY).locator(".sheet")
    page.keyboard.press("ArrowRight")
    expect(ring).to_be_visible()
    before = ring.bounding_box()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    after = ring.bounding_box()
    assert before
    assert after
    assert (after["x"] - before["x"], after["y"] - before["y"]) == (8, 40)
    page.keyboard.press("Space")
    point = painted(person)
    assert point > 0
    expect(page.locator("#spoken")).to_have_text("Painted.")
    page.keyboard.down("Space")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.keyboard.up("Space")
    assert painted(person) > point
    page.keyboard.press("Control+z")
    assert painted(person) == point
    page.keyboard.press("Control+z")
    assert painted(person) == 0
    for _ in range(12):
        page.keyboard.press("Shift+ArrowLeft")
    edges = [one.bounding_box() or {} for one in (ring, sheet)]
    assert abs(edges[0]["x"] + edges[0]["width"] / 2 - edges[1]["x"]) < 1
    expect(page.locator("#spoken")).to_contain_text("Across 0%, ")
    page.keyboard.press("Escape")
    expect(tool(person, "Brush")).to_be_focused()
    expect(ring).to_be_hidden()


def another_image_takes_its_place(person: Visitor, tmp_path: Path) -> None:
    """Check that a new image starts without the previous mask, and that Reset restores the author's
    image."""
    tool(person, "Brush").click()
    before = person.field(KEY).locator("canvas").get_attribute("width")
    (tmp_path / "a.png").write_bytes(coloured_image(size=(96, 64)))
    stroke(person, (0.4, 0.4), (0.6, 0.4))
    choose(person, tmp_path / "a.png", (96, 64))
    assert painted(person) == 0
    stroke(person, (0.4, 0.4), (0.6, 0.4))
    assert painted(person) > 0
    person.for_form("Reset")
    expect(person.field(KEY).locator("canvas")).to_have_attribute("width", str(before))
    assert painted(person) == 0


def is_left_and_seen_in_the_dark(person: Visitor) -> None:
    """Check that the brush size slider is dark in the dark theme. Switching to a form without
    painting, and back, causes no script error."""
    person.page.get_by_role("button", name="Dark theme").click()
    stroke(person, (0.4, 0.4), (0.6, 0.4))
    slider = person.field(KEY).get_by_role("slider", name="Brush size")
    track = Image.open(io.BytesIO(slider.screenshot())).convert("L")
    assert track.getpixel((track.width - 8, track.height // 2)) < 128
    person.choose("Upscale")
    expect(person.field(KEY).locator("[data-testid=image] img")).to_be_visible()
    assert not person.complaints
    person.choose("Inpaint")
    expect(person.field(KEY).locator(".sheet canvas")).not_to_have_attribute("width", "0")
    assert not person.complaints


def test_a_soft_mask_arrives_with_all_its_shades(fast: Site, visit: Visit) -> None:
    """A soft brush fades out. The server receives every shade, also after a reload. Grow, Shrink
    and Feather change the whole mask, and Undo takes back each of them."""
    person = opened(visit, fast)
    tool_box = person.field(KEY)
    tool(person, "Brush").click()
    tool_box.get_by_label("Brush softness").fill("100")
    stroke(person, (0.3, 0.5), (0.7, 0.5))
    soft = sent_mask(fast, person.generate())
    assert len(soft.getcolors() or []) > 30
    person.page.reload()
    person.ready()
    person.page.wait_for_function(f"() => ({PAINTED})() > 0")
    assert difference(soft, sent_mask(fast, person.generate())) == 0
    seldom(person, "Clear").click()
    stroke(person, (0.3, 0.5), (0.7, 0.5))
    hard = painted(person)
    grow = seldom(person, "Grow")
    tool_box.get_by_label("Edge (px)").fill("6")
    grow.click()
    grown = painted(person)
    assert grown > hard
    seldom(person, "Shrink").click()
    assert abs(painted(person) - hard) < hard * 0.02
    tool(person, "Undo").click()
    assert painted(person) == grown
    seldom(person, "Feather").click()
    assert abs(painted(person) - grown) < grown * 0.02
    feathered = sent_mask(fast, person.generate())
    assert len(feathered.getcolors() or []) > 20
    assert feathered.getextrema() == (0, 255)
    for _ in range(2):
        tool(person, "Undo").click()
    assert painted(person) == hard


BESIDE = """(field) => {
    const box = (one) => one.getBoundingClientRect();
    const label = box(field.querySelector(".field-title, [data-testid=block-label]"));
    const buttons = [...field.querySelectorAll("button:not(.put-back)")].filter(
        (one) => one.checkVisibility() && box(one).top < label.bottom,
    );
    const icon = (one) => getComputedStyle(one, "::before").maskImage;
    buttons.sort((one, other) => box(one).left - box(other).left);
    return [buttons.map(icon), new Set(buttons.map((one) => Math.round(box(one).top))).size];
}"""


def test_image_fields_have_the_same_row_of_actions(fast: Site, visit: Visit) -> None:
    """An image field and a painted one have the same menu of actions beside the label. The painted
    one has only the brush until the user paints, then at most two rows of tools; the image keeps
    its place. Both have the same frame. Without an image, there are no tools, only the same
    instructions."""
    person = opened(visit, fast)
    field = person.field(KEY)
    frames, actions = [], []
    for name, image in (("inpaint", ".sheet canvas"), ("upscale", "[data-testid=image] img")):
        person.turn_to(name)
        expect(field.locator(image)).to_be_visible()
        expect(field.get_by_role("button", name="Change")).to_be_visible()
        icons, rows = field.evaluate(BESIDE)
        assert (len(icons), rows) == (1, 1), name
        actions.append(icons)
        frames.append(field.evaluate("one => getComputedStyle(one).border"))
        if name == "inpaint":
            place = field.locator(".sheet").bounding_box()
            expect(tool(person, "Eraser")).to_be_hidden()
            stroke(person, (0.4, 0.4), (0.6, 0.4))
            expect(tool(person, "Eraser")).to_be_visible()
            assert field.locator(".sheet").bounding_box() == place
            tools = field.locator(".tools").bounding_box()
            assert tools
            assert tools["height"] <= 80, tools
        person.for_image(KEY, "Remove image")
        expect(field.locator(image)).to_be_hidden()
        for action in ("Brush", "Change"):
            expect(tool(person, action)).to_be_hidden()
    assert frames[0] == frames[1]
    assert actions[0] == actions[1]
