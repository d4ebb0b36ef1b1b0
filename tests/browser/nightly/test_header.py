"""The header stays in place with any message."""

from __future__ import annotations

from itertools import pairwise

from playwright.sync_api import ViewportSize, expect

from tests.browser.nightly.walk.states import at_every_size
from tests.support.visitor import Site, Visit
from tests.support.waiting import eventually

PLACES = """() => ["#brand", "#picker", "#open", "#shade", "summary", "#columns"].map((one) => {
    const { left, top, width } = document.querySelector(one).getBoundingClientRect();
    return [one, left + scrollX, top + scrollY, width].join(" ");
})"""
TOP = "one => Math.round(one.getBoundingClientRect().top)"
SIZES = [
    ViewportSize(width=x, height=y) for x, y in ((1440, 900), (1366, 650), (1024, 768), (390, 844))
]
COVERS = """() => {
    const box = (one) => document.querySelector(one).getBoundingClientRect();
    const before = box("#generate");
    document.querySelector("#away").textContent = "ComfyForms is restarting. Reconnecting…";
    document.querySelector("#why-off").textContent = "Waiting for the upload…";
    const away = box("#away");
    const beside = innerWidth > 759 ? ["#stage .actions"] : [];
    const covered = ["#topbar", "#generate", "#stop", ...beside].filter((name) => {
        const { left, right, top, bottom } = box(name);
        return left < away.right && away.left < right && top < away.bottom && away.top < bottom;
    });
    const { top } = box("#generate");
    return [away.height > 0 && away.bottom <= top && top === before.top, ...covered];
}"""


def test_nothing_in_the_header_moves(slow: Site, visit: Visit) -> None:
    """The instructions for connecting a server appear over the page, and the number of waiting runs
    has reserved room. The message about an unreachable app has its room above Generate. This holds
    at every size."""
    person = visit(slow).open(**{"5.steps": 60})
    page = person.page
    expect(page.locator("#open button")).to_be_visible()
    before = []
    for size in at_every_size(page, SIZES):
        before.append(page.evaluate(PLACES))
        if size["width"] == 390:
            continue  # they are in the menu
        page.locator("#demo summary").click()
        expect(page.locator(".how")).to_be_visible()
        assert page.evaluate(PLACES) == before[-1]
        page.locator("#demo summary").click()
    person.press()
    person.frames(1)
    person.press()
    expect(page.locator("#server .waiting")).to_have_text("1 waiting")
    for size, places in zip(at_every_size(page, SIZES), before, strict=True):
        assert page.evaluate(PLACES) == places, size
    slow.demo.speed.step = 0
    for _ in at_every_size(page, SIZES):
        page.evaluate("scrollTo(0, 0)")
        assert page.evaluate(COVERS) == [True]


def test_the_waiting_count_fits_on_one_line(slow: Site, visit: Visit) -> None:
    """On a tablet, the number is in the middle of the header's height and at the end of the
    server's area. That area keeps its size."""
    person = visit(slow, viewport={"width": 820, "height": 1180}).open(**{"5.steps": 60})
    page = person.page
    room = page.locator("#server").bounding_box()
    person.press()
    person.frames(1)
    person.press()
    expect(page.locator("#server .waiting")).to_have_text("1 waiting")
    page.evaluate("scrollTo(0, 0)")
    boxes = [page.locator(one).bounding_box() for one in ("#server", "#server .waiting", "#open")]
    assert boxes[0] == room
    server, waiting, beside = (one or {} for one in boxes)
    middle, level = (one["y"] + one["height"] / 2 for one in (waiting, beside))
    assert abs(middle - level) < 2
    assert abs(waiting["x"] + waiting["width"] - server["x"] - server["width"]) < 2


def test_the_phone_menu_is_a_list(fast: Site, visit: Visit) -> None:
    """It opens above the page, which stays in place. The arrow keys move in it and leave the
    language alone. Escape closes it, and the focus returns to its button."""
    page = visit(fast, viewport={"width": 390, "height": 844}).open().page
    menu = page.get_by_role("button", name="Menu")
    below = page.locator("#columns").evaluate(TOP)
    menu.click()
    expect(page.get_by_text("Dark theme")).to_be_visible()
    tops = [
        page.locator(one).evaluate(TOP)
        for one in ("#open button", ".plugin-page a", "#shade button")
    ]
    assert [later - top for top, later in pairwise(tops)] == [44, 44]
    assert page.locator("#columns").evaluate(TOP) == below
    expect(page.locator("#open button")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".plugin-page a")).to_be_focused()
    for _ in range(6):  # past the demo, the API, the keys and the version
        page.keyboard.press("ArrowUp")
    language = page.get_by_role("combobox", name="Language")
    expect(language).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(page.locator("#shade")).to_be_hidden()
    expect(menu).to_have_attribute("aria-expanded", "false")


def test_the_header_has_few_rows(fast: Site, visit: Visit) -> None:
    """On a tablet, the header has a single row with room for a title. On a wide window it has room
    for a long title, and a longer title ends with an ellipsis. On a phone it
    folds into a menu. The menu button shows a mark while the server is away. Without
    sign-in there is no account menu."""
    person = visit(fast, viewport={"width": 820, "height": 1180}).open()
    page = person.page
    expect(page.locator("#account, .account-menu")).to_have_count(0)
    parts = ["#brand", "#picker", "#open", "#server", "#demo", "#shade"]
    expect(page.locator("#open button")).to_be_visible()
    rows = """parts => {
        const seen = parts.map((one) => document.querySelector(one)).filter((one) => one.checkVisibility());
        const boxes = seen.map((one) => one.getBoundingClientRect());
        const middles = boxes.map(({ top, bottom }) => (top + bottom) / 2).sort((a, b) => a - b);
        return middles.filter((middle, at) => !at || middle - middles[at - 1] > 8).length;
    }"""
    assert page.evaluate(rows, parts) == 1
    title = page.locator("#picker .title")
    eventually(
        lambda: title.evaluate("one => one.clientWidth") >= len("Create, enlarge, refine") * 8,
        "room for a title",
    )
    expect(title).to_have_css("text-overflow", "ellipsis")
    expect(title.locator("*")).to_have_count(0)  # it is no two parts that end each by themselves
    page.set_viewport_size({"width": 1024, "height": 768})
    assert page.evaluate(rows, parts) == 1
    for _ in at_every_size(page, SIZES[:2]):
        assert page.evaluate(rows, parts) == 1
        assert title.evaluate("one => one.clientWidth") >= 280
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate(rows, parts) == 1
    menu = page.get_by_role("button", name="Menu")
    expect(page.get_by_role("button", name="Dark theme")).to_be_hidden()
    expect(page.get_by_role("link", name="ComfyForms")).to_be_visible()
    box = page.locator("#picker").bounding_box()
    assert box
    assert box["width"] > 200
    menu.click()
    expect(menu).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("button", name="Open a workflow")).to_be_visible()
    expect(page.locator("#shade")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    menu.click()
    expect(menu).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#shade")).to_be_hidden()
