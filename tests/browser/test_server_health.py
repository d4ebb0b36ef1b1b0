"""The header of an idle page shows whether ComfyUI answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, expect

from comfy.demo import DemoServer
from tests.support.batch_dialog import card_of, open_sheet, start_batch, values_of_row, vary
from tests.support.serving import running_app
from tests.support.visitor import Site, Visitor
from ui.documents.headlines import AWAY
from ui.web.server_health import CheckIntervals

Visit = Callable[..., Visitor]
BACK = "ComfyUI is back."
QUICK = CheckIntervals(idle=0.3, recheck=0.1, away=0.2)


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
    dialog.get_by_role("button", name="Remove: Prompt").click()
    values_of_row(dialog, "Seed").fill("1, 2")
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
