"""The stage: a steady layout at every size, full screen, and buttons for the visible result."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, ViewportSize, expect

from comfyui_standin import DemoServer
from comfyui_standin.nodes.registry import NODES
from tests.browser.nightly.walk.states import SIZES, at_every_size
from tests.support.batch_dialog import SMALL
from tests.support.samples.models import save_model
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor

# Visible parts of the stage, from top to bottom.
PARTS = (
    "#stage .box",
    "#stage .under",
    "#stage .details",
    "#queue .queue",
    "#history .history",
)


def boxes(page: Page, *selectors: str) -> list[dict[str, float]]:
    """Return the boxes of these elements relative to the stage, all measured at one moment
    regardless of scrolling."""
    found: list[dict[str, float]] = page.evaluate(
        """selectors => {
            const stage = document.querySelector('#stage').getBoundingClientRect();
            return selectors.map(selector => {
                const { x, y, width, height } = document.querySelector(selector).getBoundingClientRect();
                return { x: x - stage.x, y: y - stage.y, width, height };
            });
        }""",
        selectors,
    )
    return found


def inside(inner: dict[str, float], outer: dict[str, float]) -> bool:
    return (
        inner["x"] >= outer["x"] - 1
        and inner["y"] >= outer["y"] - 1
        and inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 1
        and inner["y"] + inner["height"] <= outer["y"] + outer["height"] + 1
    )


def in_order(page: Page) -> None:
    """Check that nothing is wider than the window and that no part of the stage covers another."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    seen = [one for one in boxes(page, *PARTS) if one["height"]]
    assert seen
    for above, below in itertools.pairwise(seen):
        assert above["y"] + above["height"] <= below["y"] + 1, (above, below)


def media_stays_inside(page: Page) -> None:
    """Check that the result is inside its place and, beside a form, begins where the row below it
    begins."""
    place, viewport, shown = boxes(page, "#stage .box", "#stage .viewport", "#stage .media > *")
    assert inside(viewport, place)
    assert inside(shown, viewport)
    cells, card = page.locator("#stage .grid .cell"), page.locator("#stage .media > .card")
    first = ".grid .cell" if cells.count() else ".viewport" if card.count() else ".media > *"
    edge, under = boxes(page, f"#stage {first}", "#stage .under")
    if page.evaluate("innerWidth") >= 760:
        assert edge["x"] == pytest.approx(under["x"], abs=1)
    in_order(page)


REST = {
    "sound": {
        "1": {
            "class_type": "EmptyAudio",
            "inputs": {"duration": 0.5, "sample_rate": 8000, "channels": 1},
        },
        "2": {"class_type": "SaveAudio", "inputs": {"audio": ["1", 0], "filename_prefix": "sound"}},
    },
    "words": {
        "1": {"class_type": "PrimitiveString", "inputs": {"value": "forty-two"}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    },
    "model": {"1": {"class_type": "SaveModel", "inputs": {"text": "a boat"}}},
}
# Until a module has been loaded and the page has nothing else to do.
USED = "url => import(url).then(() => new Promise(requestIdleCallback))"


def test_sound_text_and_models_appear_on_the_stage(
    visit: Visit, tmp_path: Path, nothing_left_behind: None
) -> None:
    """The stage also shows results that aren't images. A result with a file has exactly one
    download link, and the link is visible."""
    for name, prompt in REST.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(prompt))
    with (
        DemoServer(step_seconds=0, nodes=NODES | {"SaveModel": save_model(b"glTF")}) as demo,  # type: ignore[operator]
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        person, run = visit(Site(app.url, demo, app)), ""
        held: list[Route] = []  # On a slow network, the model's lighting loads late.
        person.page.route("**/rgbdDecode*", lambda route: held.append(route))
        for name, shown, links in (
            ("sound", ".player", 1),
            ("words", ".text", 1),
            ("model", ".card .note", 1),
        ):
            (person.turn_to if run else person.open)(name).press()
            run = person.ended(after=run)
            expect(person.page.locator(f"#stage .media {shown}")).to_be_visible()
            for _ in at_every_size(person.page, (SIZES["laptop"], SIZES["phone"])):
                expect(person.page.get_by_role("link", name="Download")).to_have_count(links)
                media_stays_inside(person.page)
        for route in held:
            route.continue_()
        for route in held:
            person.page.evaluate(USED, route.request.url)
        person.leave()


MOVING = {"5.steps": 1, "7.steps": 1, "6.amount": 3, "4.width": 256, "4.height": 256}


def takes_the_height(page: Page, size: ViewportSize) -> None:
    """Check that a stage beside a form is as large as its column and the window allow, with its
    buttons in view. A stage above a form leaves room for Generate."""
    page.evaluate("scrollTo(0, 0)")
    place, shown = boxes(page, "#stage .box", "#stage .media > *")
    height = place["height"]
    under = page.locator("#stage .under").bounding_box()
    generate = page.locator("#generate").bounding_box()
    assert under
    assert generate
    assert generate["y"] + generate["height"] <= size["height"]
    if size["width"] < 760:
        assert shown["width"] > 0.99 * place["width"] or height >= 0.59 * size["height"]
        assert height <= generate["y"]
    else:
        assert size["height"] - under["y"] - under["height"] >= 0
        assert height == pytest.approx(shown["height"], abs=1)
        assert shown["width"] > 0.99 * place["width"] or height > 0.71 * size["height"]


def covers_the_window(page: Page, size: ViewportSize) -> None:
    """Check that full screen hides the rest of the page and that Escape returns to the earlier
    view."""
    before = boxes(page, "#stage .viewport")
    page.locator("#stage .viewport").hover()
    page.get_by_role("button", name="Full screen", exact=True).click()
    assert page.locator("#stage .viewport").bounding_box() == {"x": 0, "y": 0, **size}
    corners = [[x, y] for x in (2, size["width"] - 3) for y in (2, size["height"] - 3)]
    on_top = (
        "corners => corners.every(([x, y]) => document.elementFromPoint(x, y)?.closest('#stage"
        " .viewport'))"
    )
    assert page.evaluate(on_top, corners)
    (room,) = boxes(page, "#stage .room")
    assert room["width"] == size["width"]
    page.keyboard.press("Escape")
    expect(page.locator("#stage .viewport:modal")).to_have_count(0)
    assert boxes(page, "#stage .viewport") == before


def test_images_at_every_size(slow: Site, visit: Visit) -> None:
    """Waiting, preview and result appear in the same place, in a stage that uses the available
    height. Full screen covers the window."""
    person = visit(slow).open(**{"5.steps": 4, "4.width": 768})
    page = person.page
    for _ in at_every_size(page):
        in_order(page)
    parts = ("#stage .box", "#stage .under", "#stage .media > *")
    previews = []
    with slow.demo.hold("progress", after=2):
        person.press()
        person.frames()
        for _ in at_every_size(page):
            media_stays_inside(page)
            previews.append(boxes(page, *parts))
        slow.demo.speed.step = 0
    person.done()
    for size, preview in zip(at_every_size(page), previews, strict=True):
        media_stays_inside(page)
        result = boxes(page, *parts)
        for now, before in zip(result, preview, strict=True):
            assert max(abs(now["x"] - before["x"]), abs(now["y"] - before["y"])) < 0.5
        assert result[2] == preview[2]
        takes_the_height(page, size)
        covers_the_window(page, size)


def test_videos_at_every_size(fast: Site, visit: Visit) -> None:
    """A video plays within the stage, with everything else below the stage. Full screen covers the
    window."""
    person = visit(fast).open("animation", **MOVING)
    person.generate()
    expect(person.page.locator("#stage .media video")).to_be_visible()
    person.page.wait_for_function("document.querySelector('#stage .media video')?.currentTime > 0")
    for size in at_every_size(person.page):
        media_stays_inside(person.page)
        covers_the_window(person.page, size)


def test_a_chosen_result_is_below_the_header(fast: Site, visit: Visit) -> None:
    """After the user opens a result of any shape from the history, the header, the picture, the
    buttons and the prompt are in the window."""
    shapes = ((512, 512), (768, 320), (320, 768))
    person = visit(fast, viewport={"width": 1366, "height": 650}).open(**{"5.steps": 1})
    run, page = "", person.page
    for width, height in shapes:
        person.type("4.width", width)
        person.type("4.height", height)
        person.press()
        run = person.done(after=run)
    for window in ((1366, 650), (1440, 900)):
        page.set_viewport_size(ViewportSize(width=window[0], height=window[1]))
        for at, (width, height) in enumerate(reversed(shapes)):
            page.locator("#history .tile").nth(at).click()
            page.wait_for_function(
                """(ratio) => scrollY === 0 &&
                    document.querySelector("#stage .stage").style.getPropertyValue("--shown") === ratio""",
                arg=str(width / height) if width != height else "1",
            )
            below = page.locator('#stage .fact[data-part="prompt"]').bounding_box()
            assert below
            assert below["y"] + 20 <= window[1], (window, width, height)
            lefts = page.locator("#stage :is(.media > img, .under)").evaluate_all(
                "(all) => all.map((one) => Math.round(one.getBoundingClientRect().left))"
            )
            assert len({*lefts}) == 1 or height > width, "a narrow picture is above wider words"


def names(person: Visitor) -> list[str]:
    """Return the names of the visible buttons below the stage."""
    buttons = person.page.locator("#stage .actions").locator("a, button").locator("visible=true")
    found: list[str] = buttons.evaluate_all(
        "all => all.map((one) => one.ariaLabel || one.textContent)"
    )
    return found


# Press Generate and look at the stage before the app answers.
PRESSED = """() => {
    document.querySelector("#generate").click();
    const all = (places) => document.querySelectorAll(`#stage ${places}`).length;
    return [document.querySelector("#stage .headline").textContent,
        all(".actions > *, .made-from .fact"), all(".media.former img")];
}"""


def test_no_button_acts_on_a_hidden_result(slow: Site, visit: Visit) -> None:
    """After the user presses Generate, no button acts on the earlier result. After Stop, the
    buttons act on the stopped run."""
    person = visit(slow).open(**{"5.steps": 2, "2.text": "a red kite", **SMALL})
    kite = person.generate()
    row = ["Download", "Use in…", "Vary", "Share…", "Favorite", "More"]
    assert names(person) == row
    person.page.locator("#stage .actions .more").click()
    menu = person.page.get_by_role("menu", name="More").get_by_role("menuitem")
    expect(menu.first).to_be_focused()
    assert not {*menu.all_inner_texts()} & {*row, "Details"}
    person.page.keyboard.press("Escape")
    person.type("5.steps", 60)
    person.type("2.text", "a castle")
    assert person.page.evaluate(PRESSED) == ["Starting…", 0, 1]
    expect(person.page.locator("img.live-frame")).to_be_visible()
    assert names(person) == []
    expect(person.page.locator("#stage .details")).to_be_hidden()
    person.page.locator("#stop").click()
    person.phase("stopped")
    assert names(person) == ["Run again", "Reuse settings", "More"]
    expect(person.page.locator(f'#stage .media img[src*="{kite}"]')).to_have_count(0)
    person.page.locator("#stage .details summary").click()
    expect(person.page.locator("#stage .details")).to_contain_text("a castle")
    person.more("Delete")
    expect(person.page.locator("#stage .stage")).not_to_have_attribute("data-phase", "stopped")
    expect(person.page.locator("#history .tile")).to_have_count(1)
    expect(person.page.locator(f'#history .tile[data-run="{kite}"]')).to_be_visible()
    looking_back_and_ahead_again(person, slow)


def test_a_stopped_run_at_every_size(slow: Site, visit: Visit) -> None:
    """At every size, no part of the stage covers another while a second run waits, nor after the
    run is stopped."""
    person = visit(slow).open(**{"5.steps": 60})
    person.press()
    expect(person.page.locator("img.live-frame")).to_be_visible()
    person.press()
    expect(person.waiting()).to_have_count(1)
    for _ in at_every_size(person.page):
        in_order(person.page)
    person.page.get_by_role("button", name="Remove").click()
    person.page.locator("#stop").click()
    person.phase("stopped")
    for _ in at_every_size(person.page):
        in_order(person.page)


def looking_back_and_ahead_again(person: Visitor, slow: Site) -> None:
    """Check that a result opened during a run has its own text and buttons. One button leads back
    to the run, whose result appears when it is ready. The script keeps the values of the queue, the
    history and the stage, and pressing their buttons sends no request to Gradio."""
    person.type("5.steps", 2)
    first = person.generate()
    person.type("5.steps", 20)
    person.press()
    expect(person.page.locator("img.live-frame")).to_be_visible()
    pressed = person.page.locator("#history .tile[aria-pressed=true]")
    expect(pressed).to_have_count(0)
    slow.demo.speed.step = 0.6
    for count in (1, 2):
        person.press()
        expect(person.waiting()).to_have_count(count)
    before = len(person.recording().requests)
    person.waiting().nth(1).get_by_role("button", name="Remove").click()
    expect(person.waiting()).to_have_count(1)
    looks_back(person, first)
    assert names(person)[0] == "Download"
    person.page.get_by_role("button", name="Back to the current run").click()
    expect(person.page.locator("#stage .media img.live-frame")).to_be_visible()
    expect(person.page.locator("#stage .headline")).to_contain_text("Sampling")
    expect(bar_of(person)).to_be_visible()
    assert names(person) == []
    person.waiting().get_by_role("button", name="Remove").click()
    expect(person.waiting()).to_have_count(0)
    looks_back(person, first)
    slow.demo.speed.step = 0
    second = person.done(after=first)
    expect(pressed).to_have_count(1)
    expect(pressed).to_have_attribute("data-run", second)
    assert not [one for one in person.requests[before:] if "/gradio_api/" in one]


def bar_of(person: Visitor) -> Locator:
    return person.page.get_by_role("progressbar", name="Progress", exact=True, include_hidden=True)


def looks_back(person: Visitor, run_id: str) -> None:
    """Choose an earlier result while another run is in progress."""
    page = person.page
    page.locator(f'#history .tile[data-run="{run_id}"]').click()
    expect(page.locator("#history .tile[aria-pressed=true]")).to_have_count(1)
    expect(page.locator(f'#stage .media img[src*="{run_id}"]')).to_be_visible()
    expect(page.locator("img.live-frame")).to_be_hidden()
    expect(page.locator("#stage .headline")).to_contain_text("Done")
    expect(page.locator(f'#stage .stage[data-run="{run_id}"]')).to_be_visible()
    expect(bar_of(person)).to_be_hidden()
