"""Loading the page: the first view, and a network that breaks meanwhile."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.visitor import Site, Visit

# The first request of each stage of loading.
MOMENTS = {
    "Gradio's script": "/assets/index-",
    "a module": "/assets/core-",
    "the page's script": "/script/",
    "the styles": "/assets/page-",
    "the page's call": "/gradio_api/run/predict",
    "a slider": "/assets/Index-DHgdeJnx.js",
}
MOST_MOVED = 6  # pixels; Gradio fits a text box to its text in steps
CUT = ("ERR_INTERNET_DISCONNECTED", "Failed to fetch", "dynamically imported", "preload CSS")
# The vertical places of the form's labels, by their text.
LABELS = """(selector) => Object.fromEntries(
  [...document.querySelectorAll(selector)].map((label) => [
    label.textContent.replace("▼", "").trim(), Math.round(label.getBoundingClientRect().top)
  ]))"""
FIRST = "#first-view :is(h1, .label, .fold)"
DRAWN = "#form :is(h1, [data-testid=block-info], .size-field .title, .fold, .label-wrap)"


class Network:
    """Network of one page that breaks at the first request for an address with this part."""

    def __init__(self, page: Page, part: str) -> None:
        self._part = part
        self.broken = self._healed = False
        page.route("**/*", self._handle)

    def heal(self) -> None:
        self.broken, self._healed = False, True

    def _handle(self, route: Route) -> None:
        self.broken = not self._healed and (self.broken or self._part in route.request.url)
        if self.broken:
            route.abort("internetdisconnected")
        else:
            route.continue_()


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_form_comes_after_the_network_broke(moment: str, fast: Site, visit: Visit) -> None:
    """The user does nothing: Generate stays off without fields, and works as soon as the network
    is back."""
    person = visit(fast, locale="en-US")
    person.forgive(*CUT, "net::", "TypeError", "Error")
    page = person.page
    network = Network(page, MOMENTS[moment])
    page.goto(fast.url, wait_until="commit")
    state = page.locator("#first-view .state")
    expect(state).to_have_text("A part of the page couldn't be loaded. Trying again…")
    expect(page.locator("#first-view").get_by_text("Prompt", exact=True)).to_be_visible()
    expect(page.locator("#generate:not([disabled])")).to_have_count(0)
    network.heal()
    expect(page.locator("#generate")).to_be_enabled()
    expect(page.locator("#field-2-text textarea")).to_be_visible()
    expect(page.locator("#first-view")).to_have_count(0)
    page.locator("#generate").click()
    person.done()


def test_a_form_that_the_app_could_not_draw_is_requested_again(fast: Site, visit: Visit) -> None:
    """A proxy answers so while the app restarts."""
    person = visit(fast, locale="en-US")
    person.forgive("502")
    answers = iter([502])

    def answer(route: Route) -> None:
        if status := next(answers, None):
            route.fulfill(status=status, body="Bad gateway")
        else:
            route.continue_()

    person.page.route("**/gradio_api/run/predict*", answer)
    person.page.goto(fast.url, wait_until="commit")
    expect(person.page.locator("#generate")).to_be_enabled()
    person.leave()


@pytest.mark.parametrize("last", ["upscale", "gone"])
def test_a_return_visit_shows_the_workflow_used_last(last: str, fast: Site, visit: Visit) -> None:
    """Its labels stand in the first document. A workflow that is gone shows no error on the way to
    the default one."""
    person = visit(fast, locale="en-US").open("upscale")
    page = person.page
    expect(page.locator("#heading h1")).to_have_text("Upscale")
    page.evaluate("last => localStorage.setItem('comfyforms.recent', JSON.stringify([last]))", last)
    page.evaluate("last => { document.cookie = `comfyforms-last=${last}; path=/`; }", last)
    page.add_init_script(
        """window.titles = new Set();
        new MutationObserver(() => {
          const title = document.querySelector("#heading h1, #no-form, #first-view h1");
          if (title) window.titles.add(title.textContent);
        }).observe(document, { subtree: true, childList: true, characterData: true });"""
    )
    page.goto(fast.url)
    expect(page.locator("#generate")).to_be_enabled()
    shown = "Upscale" if last == "upscale" else "Text to image"
    assert page.evaluate("[...titles]") == [shown]
    person.leave()


def test_the_page_says_that_a_part_fails(fast: Site, visit: Visit) -> None:
    """The sentence appears with the second failure, not with the first, and goes when the part
    comes."""
    person = visit(fast, locale="en-US")
    person.forgive(*CUT, "net::")
    page = person.page
    held: list[Route] = []

    def fail(route: Route) -> None:
        if "again" in route.request.url:
            held.append(route)
        else:
            route.abort("internetdisconnected")

    page.route(re.compile(r"/later\.js"), fail)
    said = page.get_by_text("A part of the page couldn't be loaded. Trying again…", exact=True)
    with page.expect_request(re.compile(r"again=1$")):
        page.goto(fast.url, wait_until="commit")
    expect(page.locator("#generate")).to_be_enabled()
    expect(said).to_have_count(0)
    with page.expect_request(re.compile(r"again=2$")):
        held.pop().abort("internetdisconnected")
    expect(said).to_be_visible()
    held.pop().continue_()
    expect(said).to_have_count(0)
    person.leave()


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_moves_when_the_fields_come(width: int, fast: Site, visit: Visit) -> None:
    """The fields take the places of the first view's labels, also with text typed earlier, and the
    example takes its room."""
    person = visit(fast, viewport={"width": width, "height": 900}, locale="en-US").open()
    page = person.page
    page.locator("#field-2-text textarea").fill("a quiet lake")
    page.wait_for_function("() => JSON.stringify(sessionStorage).includes('a quiet lake')")
    held: list[Route] = []
    page.route("**/assets/index-*.js", lambda route: held.append(route))
    page.reload(wait_until="commit")
    expect(page.locator("#first-view .prompt")).to_have_text("a quiet lake")
    page.wait_for_function("() => [...document.fonts].some(({ status }) => status === 'loaded')")
    first: dict[str, int] = page.evaluate(LABELS, FIRST)
    room = page.locator("#first-view .cover").bounding_box()
    expect(page.locator("#first-view").get_by_role("button", name="Generate")).to_be_disabled()
    for route in held:
        route.continue_()
    person.ready()
    page.locator("#stage .example > img").wait_for()
    drawn: dict[str, int] = page.evaluate(LABELS, DRAWN)
    example = page.locator("#stage .example").bounding_box()
    both = first.keys() & drawn.keys()
    assert {"Text to image", "Prompt", "Aspect ratio", "Advanced (9)"} <= both
    moved = {label: drawn[label] - first[label] for label in both}
    assert max(map(abs, moved.values())) <= MOST_MOVED, moved
    assert room
    assert example
    assert abs(room["y"] - example["y"]) <= MOST_MOVED
    assert abs(room["x"] + room["width"] / 2 - example["x"] - example["width"] / 2) <= MOST_MOVED
