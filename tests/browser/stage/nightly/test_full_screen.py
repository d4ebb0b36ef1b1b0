"""Results in full screen: enlarging, panning and stepping through the history."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support.visitor import Site, Visit, Visitor

WINDOW = {"width": 1200, "height": 700}
IMAGE = "#stage .viewport:modal .media > img"


def image_box(page: Page) -> dict[str, float]:
    """Return the image's box in the window, including the part beyond the window's edges."""
    box: dict[str, float] = page.locator(IMAGE).evaluate(
        "image => { const { x, y, width, height } = image.getBoundingClientRect();"
        " return { x, y, width, height }; }"
    )
    return box


def part_at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return the part of the image at this point of the window, as fractions of its size."""
    box = image_box(page)
    return round((x - box["x"]) / box["width"], 3), round((y - box["y"]) / box["height"], 3)


def shows(person: Visitor, run: str, at: int) -> None:
    """Check that this result of the run covers the window."""
    expect(person.page.locator(f'{IMAGE}[src*="{run}/{at}/"]')).to_be_visible()


def is_uncovered(page: Page) -> None:
    """Check that no control lies over an image that fits."""
    room = page.locator("#stage .room").bounding_box()
    foot = page.locator("#stage .foot").bounding_box()
    tools = page.locator("#stage .tools").bounding_box()
    assert room
    assert foot
    assert tools
    assert tools["y"] + tools["height"] <= room["y"]
    assert room["y"] + room["height"] <= foot["y"]


def arrows_go_on_through_the_history(person: Visitor, first: str) -> None:
    """Check that the arrow keys move from a run's last result to the results of the run before it,
    and back. A small image opens at 200%, a large one fits, and the zoom that the user chose stays from
    result to result. The page below shows the same result."""
    for key, side in (("4.width", 320), ("4.height", 256)):
        person.type(key, side)
    second = person.generate()
    page = person.page
    expect(page.locator("#history .tile")).to_have_count(2)
    page.locator("#stage .grid .cell").first.click()
    page.locator("#stage .media > img").click()
    previous, following = (
        page.get_by_role("button", name=name, exact=True) for name in ("Previous", "Next")
    )
    shows(person, second, 0)
    expect(previous).to_be_disabled()
    page.keyboard.press("ArrowRight")
    shows(person, second, 1)
    percent = page.locator("#stage .percent")
    expect(percent).to_have_text("200%")
    page.keyboard.press("+")
    expect(percent).to_have_text("250%")
    following.click()
    shows(person, first, 0)
    expect(percent).to_have_text("63%")
    is_uncovered(page)
    page.keyboard.press("1")
    expect(percent).to_have_text("100%")
    expect(page.locator("#history .tile[aria-pressed=true]")).to_have_attribute("data-run", first)
    page.keyboard.press("ArrowRight")
    shows(person, first, 1)
    expect(percent).to_have_text("100%")
    expect(following).to_be_disabled()
    page.keyboard.press("Home")
    shows(person, second, 0)
    page.keyboard.press("End")
    shows(person, first, 0)
    page.keyboard.press("ArrowRight")
    shows(person, first, 1)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    shows(person, first, 0)
    page.keyboard.press("ArrowLeft")
    shows(person, second, 1)
    page.keyboard.press("Escape")
    expect(page.locator("#stage .headline")).to_contain_text(" · Done")
    expect(page.locator(f'#stage .media img[src*="{second}/1/"]')).to_be_visible()


MOVING = {"5.steps": 1, "7.steps": 1, "6.amount": 3, "4.width": 256, "4.height": 256}


def test_a_video_has_no_zoom(fast: Site, visit: Visit) -> None:
    """In full screen, a video has its bar below and no zoom. The user can save it and
    turn to the animated image of the same frames."""
    person = visit(fast, viewport=WINDOW).open("animation", **MOVING)
    person.generate()
    page = person.page
    expect(page.locator("#stage .media video")).to_be_visible()
    page.get_by_role("button", name="Full screen").click()
    expect(page.locator("#stage .viewport:modal video")).to_be_visible()
    expect(page.locator("#stage .viewport:modal .video-tools")).to_be_visible()
    expect(page.locator("#stage .zoom")).to_be_hidden()
    expect(page.locator("#stage .viewport").get_by_role("link", name="Download")).to_be_visible()
    page.locator("#stage .foot").get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Show “Animation (WebP)”").click()
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
    page.locator("#stage .media > img").tap(position={"x": 60, "y": 300})  # no double tap
    expect(page.locator(IMAGE)).to_be_visible()
    page.wait_for_function("image => document.querySelector(image).naturalWidth", arg=IMAGE)
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
    person.for_image("4.image", "Enlarge")
    expect(covering).to_have_count(1)
    page.go_back()
    expect(covering).to_have_count(0)
    expect(person.field("4.image").locator(".sheet canvas")).to_be_visible()


def test_an_image_is_enlarged_and_moved(fast: Site, visit: Visit) -> None:
    """The wheel zooms the image at the pointer, dragging moves it, and a double click zooms to 100%
    and back. Keys and buttons do the same, and Escape restores the view on the page. After that,
    the arrow keys move through the history."""
    large = {"5.steps": 1, "4.width": 1024, "4.height": 1024, "4.batch_size": 2}
    person = visit(fast, viewport=WINDOW).open(**large)
    first = person.generate()
    page = person.page
    page.locator("#stage .grid .cell").first.click()
    page.locator("#stage .media > img").click()
    percent = page.locator("#stage .percent")
    expect(percent).to_have_text("57%")
    fitting = image_box(page)
    page.mouse.move(630, 250)
    before = part_at(page, 630, 250)
    page.mouse.wheel(0, -600)
    expect(percent).not_to_have_text("57%")
    assert part_at(page, 630, 250) == before
    larger = image_box(page)
    assert larger["width"] > 2 * fitting["width"]
    page.mouse.down()
    page.mouse.move(570, 280, steps=3)
    page.mouse.up()
    moved = image_box(page)
    assert [moved["x"] - larger["x"], moved["y"] - larger["y"]] == [-60, 30]
    page.mouse.dblclick(600, 350)
    expect(percent).to_have_text("57%")
    assert image_box(page) == fitting
    page.mouse.dblclick(600, 350)
    expect(percent).to_have_text("100%")
    percent.click()
    expect(percent).to_have_text("57%")
    keys = (("+", "71%"), ("+", "89%"), ("-", "71%"), ("0", "57%"), ("1", "100%"), ("1", "100%"))
    for key, said in (*keys, ("0", "57%")):
        page.keyboard.press(key)
        expect(percent).to_have_text(said)
    page.get_by_role("button", name="Zoom in").click()
    expect(percent).to_have_text("71%")
    with page.expect_download() as info:
        page.locator("#stage .viewport").get_by_role("link", name="Download").click()
    assert Path(info.value.path()).read_bytes().startswith(b"\x89PNG")
    page.keyboard.press("Escape")
    expect(page.locator("#stage .viewport:modal")).to_have_count(0)
    expect(percent).to_be_hidden()
    shown, box = (page.locator(f"#stage {one}") for one in (".media > img", ".viewport"))
    height = "one => Math.round(one.getBoundingClientRect().height)"
    assert shown.evaluate(height) == box.evaluate(height)
    arrows_go_on_through_the_history(person, first)
