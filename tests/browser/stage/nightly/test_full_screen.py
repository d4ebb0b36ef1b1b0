"""Results in full screen: enlarging, panning and stepping through the history."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.stage.test_full_screen import IMAGE, WINDOW, Visit, image_box, part_at
from tests.support.visitor import Site

MOVING = {"5.steps": 1, "7.steps": 1, "6.amount": 3, "4.width": 256, "4.height": 256}


def test_a_video_has_no_zoom(fast: Site, visit: Visit) -> None:
    """In full screen, a video plays with its own controls and has no zoom. The user can save it and
    move on to the next result."""
    person = visit(fast, viewport=WINDOW).open("animation", **MOVING)
    person.generate()
    page = person.page
    page.locator("#stage .grid .thumbnail[data-kind=video]").click()
    expect(page.locator("#stage .media video")).to_be_visible()
    page.get_by_role("button", name="Full screen").click()
    expect(page.locator("#stage .viewport:modal video[controls]")).to_be_visible()
    expect(page.locator("#stage .zoom")).to_be_hidden()
    expect(page.locator("#stage .viewport").get_by_role("link", name="Download")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(IMAGE)).to_be_visible()
    expect(page.locator("#stage .zoom")).to_be_visible()


def test_two_fingers_enlarge(fast: Site, visit: Visit) -> None:
    """On a touch screen, a tap opens the image. One finger moves to the next image and back, and
    two fingers zoom in on the spot below them."""
    phone = {"width": 390, "height": 844}
    person = visit(fast, viewport=phone, has_touch=True, is_mobile=True).open(
        **{"5.steps": 1, "4.batch_size": 2}
    )
    person.generate()
    page = person.page
    page.locator("#stage .grid .cell").first.tap()
    page.locator("#stage .media > img").tap()
    expect(page.locator(IMAGE)).to_be_visible()
    fingers = page.context.new_cdp_session(page)
    first = page.locator(IMAGE).get_attribute("src") or ""
    for places, is_first in (((330, 200, 60), False), ((60, 200, 330), True)):
        for kind, x in zip(("touchStart", "touchMove", "touchMove"), places, strict=True):
            points = [{"x": x, "y": 422, "id": 0}]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        seen = expect(page.locator(IMAGE))
        (seen.to_have_attribute if is_first else seen.not_to_have_attribute)("src", first)
    room = page.locator("#stage .room").bounding_box()
    assert room
    middle = room["y"] + room["height"] / 2
    before = part_at(page, 195, middle)
    width = image_box(page)["width"]
    for kind, apart in (("touchStart", 50), ("touchMove", 75), ("touchMove", 100)):
        points = [{"x": 195 + side * apart, "y": middle, "id": side + 1} for side in (-1, 1)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function(
        "least => document.querySelector('#stage .media img').getBoundingClientRect().width > least",
        arg=1.9 * width,
    )
    assert part_at(page, 195, middle) == before


def test_back_leaves_full_screen(fast: Site, visit: Visit) -> None:
    """The browser's Back closes the view that covers the window, and the page stays at the form.
    Escape and the button leave no extra history entry behind. The focus returns to the full screen
    button."""
    person = visit(fast, viewport={"width": 390, "height": 844}).open("inpaint", **{"7.steps": 1})
    page = person.page
    person.open(**{"5.steps": 1})
    person.generate()
    page.evaluate("window.isSamePage = true")
    address = page.url
    covering = page.locator("dialog:modal")
    full = page.locator("#stage button.full")
    for leave in (
        page.go_back,
        lambda: page.keyboard.press("Escape"),
        page.get_by_role("button", name="Exit full screen").click,
    ):
        page.locator("#stage .media img").click()
        expect(covering).to_have_count(1)
        leave()
        expect(covering).to_have_count(0)
        expect(full).to_be_focused()
        page.wait_for_function("!history.state?.covered")
        assert page.url == address
    assert page.evaluate("window.isSamePage")
    page.go_back()
    expect(person.field("4.image").locator(".sheet canvas")).not_to_have_attribute("width", "0")
    person.field("4.image").get_by_role("button", name="Enlarge").click()
    expect(covering).to_have_count(1)
    page.go_back()
    expect(covering).to_have_count(0)
    expect(person.field("4.image").locator(".sheet canvas")).to_be_visible()
