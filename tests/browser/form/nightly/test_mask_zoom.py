r"""Zooming and moving images while painting masks, and camera photos.

`tests/script/zoom.test.js` tests the arithmetic, `tests/browser/form/nightly/test_masks.py` the
tools.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.form.nightly.test_masks import (
    KEY,
    choose,
    difference,
    opened,
    painted,
    photo_of,
    seldom,
    sent_mask,
    tool,
)
from tests.support.visitor import Site, Visit, Visitor

SIZE = (333, 517)
LINE = ((140, 220), (171, 260), (160, 301))  # of pixels of the image
# Where a pixel of the image is in the window.
PLACE = """([x, y]) => {
    const canvas = document.querySelector(".sheet canvas");
    const box = canvas.getBoundingClientRect();
    const scale = Math.min(box.width / canvas.width, box.height / canvas.height);
    return [box.left + box.width / 2 + (x - canvas.width / 2) * scale,
        box.top + box.height / 2 + (y - canvas.height / 2) * scale, scale];
}"""


def place(person: Visitor, x: float, y: float) -> tuple[float, float, float]:
    """Return the position of this pixel of the image in the window, and its size there."""
    at = person.page.evaluate(PLACE, [x, y])
    return at[0], at[1], at[2]


def paint(person: Visitor) -> None:
    """Paint the line at its current position in the window."""
    for number, (x, y) in enumerate(LINE):
        person.page.mouse.move(*place(person, x, y)[:2])
        if not number:
            person.page.mouse.down()
    person.page.mouse.up()


def drag(page: Page, x: float, y: float, button: str = "left") -> None:
    left, top = page.evaluate(
        "() => { const box = document.querySelector('.sheet').getBoundingClientRect();"
        " return [box.left + box.width / 2, box.top + box.height / 2]; }"
    )
    page.mouse.move(left, top)
    page.mouse.down(button=button)  # type: ignore[arg-type]
    page.mouse.move(left + x, top + y, steps=3)
    page.mouse.up(button=button)  # type: ignore[arg-type]


def near(one: float, other: float) -> bool:
    return abs(one - other) < 0.01


def test_a_mask_is_the_same_at_any_zoom(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """A line painted on the zoomed and moved image, in the form or full window, reaches the server
    exactly like a line painted on the fitted image: no pixel differs. The user can also paint on a
    camera photo."""
    person = opened(visit, fast)
    page = person.page
    choose(person, photo_of(tmp_path, SIZE), SIZE)
    paint(person)
    fitted = sent_mask(fast, person.generate())
    assert fitted.getextrema() == (0, 255)
    seen = painted(person)

    seldom(person, "Clear").click()
    x, y, scale = place(person, *LINE[1])
    page.mouse.move(round(x), round(y))
    page.mouse.wheel(0, -1)
    assert place(person, *LINE[1])[2] == scale  # the wheel alone is the page's
    page.keyboard.down("Control")
    page.mouse.wheel(0, -70)
    page.keyboard.up("Control")
    page.wait_for_function(
        "() => document.querySelector('.sheet').style.getPropertyValue('--zoom') > 1.5"
    )
    wheeled = place(person, *LINE[1])
    grown = wheeled[2] / scale
    assert near(wheeled[0] - round(x), (x - round(x)) * grown)
    assert near(wheeled[1] - round(y), (y - round(y)) * grown)
    paint(person)
    assert difference(fitted, sent_mask(fast, person.generate())) == 0

    tool(person, "Clear").click()
    person.for_image(KEY, "Enlarge")
    x, y, scale = place(person, *LINE[1])
    page.mouse.move(round(x), round(y))
    page.mouse.wheel(0, -700)
    page.wait_for_function(
        "() => document.querySelector('.sheet').style.getPropertyValue('--zoom') > 2"
    )
    larger = place(person, *LINE[1])
    assert larger[2] > 2 * scale
    assert near(larger[0] - round(x), (x - round(x)) * larger[2] / scale)
    page.keyboard.down(" ")
    drag(page, -41, 23)
    page.keyboard.up(" ")
    moved = place(person, *LINE[1])
    assert near(moved[0], larger[0] - 41)
    assert near(moved[1], larger[1] + 23)
    drag(page, 20, 0, "middle")
    assert near(place(person, *LINE[1])[0], moved[0] + 20)
    tool(person, "Move").click()
    drag(page, 0, -10)
    assert near(place(person, *LINE[1])[1], moved[1] - 10)
    page.keyboard.press("ArrowRight")
    assert near(place(person, *LINE[1])[0], moved[0] + 20 - 60)
    assert painted(person) == 0
    tool(person, "Brush").click()
    paint(person)
    assert painted(person) == seen
    page.keyboard.press("+")
    assert place(person, *LINE[1])[2] > larger[2]
    page.keyboard.press("0")
    assert place(person, *LINE[1])[2] == scale
    page.keyboard.press("1")
    assert near(place(person, *LINE[1])[2], 1)
    page.keyboard.press("0")
    tool(person, "Zoom in").click()
    tool(person, "Fit").click()
    expect(tool(person, "Fit")).to_have_attribute("aria-disabled", "true")
    tool(person, "Done").click()
    assert difference(fitted, sent_mask(fast, person.generate())) == 0
    a_camera_takes_the_image_to_paint_over(person, fast)


def a_camera_takes_the_image_to_paint_over(person: Visitor, fast: Site) -> None:
    """Check that the user can paint on a camera photo and send it like any image. If the browser
    refuses the camera, the field shows an error."""
    page, field = person.page, person.field(KEY)
    person.for_image(KEY, "Remove image")
    tool(person, "Use the camera").click()
    camera = page.get_by_role("dialog", name="Take photo")
    camera.get_by_role("button", name="Take photo").click()
    expect(camera).to_have_count(0)
    expect(field.locator(".sheet canvas")).not_to_have_attribute("width", "0")
    width, height = field.locator("canvas").evaluate("one => [one.width, one.height]")
    paint(person)
    mask = sent_mask(fast, person.generate())
    assert mask.size == (width, height)
    assert mask.getextrema() == (0, 255)

    person.for_image(KEY, "Remove image")
    tool(person, "Use the camera").click()
    camera.get_by_role("button", name="Cancel").click()
    expect(camera).to_have_count(0)
    expect(tool(person, "Use the camera")).to_be_visible()
    page.evaluate(
        """() => {
        const refused = new DOMException("", "NotAllowedError");
        navigator.mediaDevices.getUserMedia = () => Promise.reject(refused);
    }"""
    )
    tool(person, "Use the camera").click()
    expect(field.locator(".field-error")).to_contain_text("Can't use the camera.")


def test_two_fingers_zoom_the_painted_image(fast: Site, visit: Visit) -> None:
    """Two fingers zoom and move the image and paint nothing. The app also removes the stroke that
    the first finger started. Afterwards, a single finger paints again, and so does a pen."""
    person = opened(
        visit, fast, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    sheet = person.field(KEY).locator(".sheet")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box
    middle, height = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    fingers = person.page.context.new_cdp_session(person.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    scale = place(person, 0, 0)[2]
    touch("touchStart", (middle - 30, height))
    touch("touchMove", (middle - 40, height))
    person.page.wait_for_function("() => document.querySelector('.ring.shown')")
    assert painted(person) > 0
    touch("touchStart", (middle - 40, height), (middle + 40, height))
    touch("touchMove", (middle - 80, height), (middle + 80, height))
    touch("touchMove", (middle - 100, height), (middle + 100, height))
    touch("touchEnd")
    person.page.wait_for_function(
        "least => document.querySelector('.sheet').style.getPropertyValue('--zoom') > least", arg=2
    )
    assert place(person, 0, 0)[2] > 2 * scale
    assert painted(person) == 0
    touch("touchStart", (middle, height))
    touch("touchMove", (middle + 10, height))
    touch("touchEnd")
    expect(tool(person, "Undo")).to_have_attribute("aria-disabled", "false")
    assert painted(person) > 0
    tools = person.field(KEY).locator(".tools").bounding_box()
    assert tools
    assert tools["height"] < 100  # two rows
    expect(tool(person, "Clear")).to_be_hidden()
    tool(person, "More").click()
    tool(person, "Clear").click()
    tool(person, "Fit").click()
    a_finger_and_a_pen_paint_too(person)


def a_finger_and_a_pen_paint_too(person: Visitor) -> None:
    """Check that on a phone a finger paints instead of scrolling, every control is large enough to
    tap, and a pen's eraser end erases."""
    sheet = person.field(KEY).locator(".sheet")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box
    assert box["width"] <= 390
    top = person.page.evaluate("scrollY")
    touch = person.page.context.new_cdp_session(person.page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x, "y": y + 40}]),
        ("touchMove", [{"x": x, "y": y + 80}]),
        ("touchEnd", []),
    ):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(tool(person, "Undo")).to_have_attribute("aria-disabled", "false")
    before = painted(person)
    assert before > 0
    assert person.page.evaluate("scrollY") == top
    sheet.evaluate(
        """(sheet, [x, y]) => {
        sheet.setPointerCapture = () => {};
        for (const [kind, down] of [["pointerdown", 32], ["pointermove", 32], ["pointerup", 0]])
            sheet.dispatchEvent(new PointerEvent(kind, { pointerId: 7, pointerType: "pen", bubbles: true,
                button: kind === "pointermove" ? -1 : 5, buttons: down, clientX: x, clientY: y }));
    }""",
        [x, y],
    )
    assert painted(person) < before
    beside = [tool(person, name).bounding_box() for name in ("Invert", "Clear")]
    assert len({one and one["y"] for one in beside}) == 1
    for control in person.field(KEY).locator("button:visible, input[type=range]").all():
        size = control.bounding_box()
        assert size
        assert size["height"] >= 40, control.evaluate("one => one.outerHTML")
