"""The header of an idle page shows whether ComfyUI answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, ViewportSize, expect

from comfy.runs.interface import Timeouts
from comfyui_standin import DemoServer
from tests.browser.nightly.walk.states import at_every_size
from tests.support.batch_dialog import card_of, open_sheet, start_batch, values_of_row, vary
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor
from ui.documents.headlines import AWAY
from ui.web.server_health import CheckIntervals

BACK = "ComfyUI is back."
QUICK = CheckIntervals(idle=0.3, recheck=0.1, away=0.2)

SIZES = [ViewportSize(width=width, height=844) for width in (390, 1440)]
RING = "getComputedStyle(document.querySelector('#header-menu'), '::after').content"


@pytest.fixture
def site(nothing_left_behind: None) -> Iterator[Site]:
    """Yield a site whose server the test may stop. The app checks the server often and treats it as
    a real ComfyUI."""
    with (
        DemoServer(step_seconds=0.12) as demo,
        running_app(demo.url, demo=False, pace=QUICK) as app,
    ):
        yield Site(app.url, demo, app)


def state(person: Visitor) -> Locator:
    return person.page.locator("#server").get_by_role("status")


def its_batch_says_so(person: Visitor) -> None:
    expect(card_of(person).locator(".why")).to_have_text(AWAY)
    for view in ("Table", "Grid"):
        sheet = open_sheet(person, view)
        expect(sheet.locator("header .why")).to_have_text(AWAY)
        expect(sheet.locator("header .said")).to_have_text("0 of 2 done")
        expect(sheet.locator("header .left")).to_be_empty()
        person.page.keyboard.press("Escape")
    card_of(person).get_by_role("button", name="Stop").click()
    expect(card_of(person).locator(".why")).to_be_hidden()


def test_the_form_keeps_working(site: Site, visit: Visit) -> None:
    """If the page reloads while the server is away, it shows its form and reports the server's
    absence, as a running batch does. The user can fill in fields and press Generate. The run shows
    the same text as the header and finishes when the server is back."""
    person = visit(site).open(**{"5.steps": 3})
    person.generate()  # how long one takes is known then
    site.demo.speed.step = 2
    dialog = vary(person)
    values_of_row(dialog, "Seed").fill("1, 2")
    dialog.get_by_role("button", name="Remove: Prompt").click()
    start_batch(dialog, 2)
    site.demo.stop()
    site.demo.speed.step = 0
    expect(state(person)).to_contain_text(AWAY)
    its_batch_says_so(person)
    person.page.reload()
    person.ready()
    expect(state(person)).to_contain_text(AWAY)
    person.type("2.text", "typed meanwhile")
    expect(person.page.locator("#generate")).to_be_enabled()
    person.press()
    expect(person.page.locator("#stage .headline")).to_have_text(AWAY)
    expect(state(person)).to_have_text(f"{AWAY} · 1 waiting")
    taken = person.page.locator("#stage .advice")
    expect(taken).to_have_text("1 run is waiting and starts when ComfyUI is back.")
    person.page.set_viewport_size({"width": 1366, "height": 650})
    expect(taken).to_be_in_viewport(ratio=1)
    site.demo.start()
    expect(state(person)).to_have_text(BACK)
    run_id = person.done()
    assert site.prompt_of(run_id)["2"]["inputs"]["text"] == "typed meanwhile"


def places(person: Visitor) -> list[Any]:
    """Return the positions of the rest of the header and of the form."""
    page = person.page
    return [page.locator(one).bounding_box() for one in ("#picker", "#shade", "#heading")]


def test_idle_pages_report_that_the_server_is_away(site: Site, visit: Visit) -> None:
    """Every page says in words that the server is away, without a dot, and that it is back. Nothing
    moves, at any width. On a phone, a ring marks the menu that contains the words."""
    person = visit(site).open()
    pages = (person, person.another_tab("upscale"))
    dots = [one.page.locator("#server .dot") for one in pages]

    def everywhere() -> list[list[Any]]:
        return [places(person) for _ in at_every_size(person.page, SIZES)]

    for one, dot in zip(pages, dots, strict=True):
        expect(dot).to_be_visible()
        expect(state(one)).to_be_empty()
    before = everywhere()
    site.demo.stop()
    for one, dot in zip(pages, dots, strict=True):
        expect(state(one)).to_have_text(AWAY)
        expect(dot).to_be_hidden()
    assert everywhere() == before
    person.page.set_viewport_size(SIZES[0])
    assert person.page.evaluate(RING) == '""'
    person.page.set_viewport_size(SIZES[-1])
    site.demo.start()
    for one in pages:
        expect(state(one)).to_have_text(BACK)
    for one, dot in zip(pages, dots, strict=True):
        expect(state(one)).to_be_empty()
        expect(dot).to_be_visible()
    assert everywhere() == before


class SlowToAskAgain(Timeouts):
    """Timing that retries a run without a server only after seconds, long after its page has
    checked the server."""

    def pause_after(self, attempt: int, share: float) -> float:
        return 3.0


# Record the texts of the header and the stage each time either changes.
WATCH = """([header, stage]) => {
    const said = () => [document.querySelector(header).textContent, document.querySelector(stage).textContent];
    window.said = [said()];
    for (const place of [header, stage])
        new MutationObserver(() => window.said.push(said()))
            .observe(document.querySelector(place), { childList: true, characterData: true, subtree: true });
}"""


def test_header_and_stage_agree(visit: Visit, nothing_left_behind: None) -> None:
    """The header never says that the server is back while the stage says that a run can't reach
    it."""
    with (
        DemoServer(step_seconds=0.12) as demo,
        running_app(demo.url, demo=False, pace=QUICK, timing=SlowToAskAgain()) as app,
    ):
        person = visit(Site(app.url, demo, app)).open(**{"5.steps": 3})
        demo.stop()
        expect(state(person)).to_have_text(AWAY)
        person.press()
        expect(person.page.locator("#stage .headline")).to_have_text(AWAY)
        person.page.evaluate(WATCH, ["#server .server-state", "#stage .headline"])
        demo.start()
        expect(state(person)).to_have_text(BACK)
        said = person.page.evaluate("window.said")
        assert [f"{AWAY} · 1 waiting", AWAY] in said
        assert [BACK, AWAY] not in said
        person.done()
        person.leave()


@pytest.fixture
def pair(nothing_left_behind: None) -> Iterator[tuple[Site, DemoServer, DemoServer]]:
    with (
        DemoServer(step_seconds=0.25) as one,
        DemoServer(step_seconds=0.25) as other,
        running_app(one.url, other.url, demo=False, timing=Timeouts(elsewhere=0.5)) as app,
    ):
        yield Site(app.url, one, app), one, other


def test_a_run_continues_on_another_server(
    pair: tuple[Site, DemoServer, DemoServer], visit: Visit
) -> None:
    """The run's server goes away, and the page shows the other server's result. The header counts
    both servers in the user's language."""
    site, one, other = pair
    person = visit(site, locale="de-DE").open()
    expect(person.page.locator("#server")).to_contain_text("2 Server")
    person.press()
    person.frames(2)
    (run,) = site.app.runs.known()
    at = one if run.record.server == one.url else other
    at.stop()
    expect(person.page.locator("#stage .advice")).to_contain_text("beginnt er von vorn")
    other.speed.step = one.speed.step = 0
    assert person.done() == run.id
    assert run.record.server not in ("", at.url)
    at.start()
