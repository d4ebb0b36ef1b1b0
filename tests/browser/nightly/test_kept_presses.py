"""A press of Generate that the app doesn't get, or whose answer the page doesn't get."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from comfyui_standin import DemoServer
from tests.browser.nightly.test_reattach import AWAY, app_at
from tests.support.app_process import free_port
from tests.support.visitor import Site, Visit
from tests.support.waiting import eventually

WAITS = "Can't reach ComfyForms. Your run starts when the connection is back."
NOT_STARTED = "Your run wasn't started."
FAILED = "Failed to load resource"
OLD = """() => {
  const [press] = JSON.parse(sessionStorage["comfyforms.presses"]);
  sessionStorage["comfyforms.presses"] = JSON.stringify([{ ...press, at: press.at - 600001 }]);
}"""


def test_a_press_without_a_connection_starts_once_it_is_back(fast: Site, visit: Visit) -> None:
    """The page says that the run waits, without a toast of Gradio's. It starts one run when the
    browser is online again."""
    person = visit(fast).open(**{"5.steps": 1})
    before = len(fast.demo.queue.history())
    page, headline = person.page, person.page.locator("#stage .headline")
    page.context.set_offline(True)
    page.locator("#generate").click()
    expect(headline).to_have_text(WAITS)
    expect(page.locator(".toast-body")).to_have_count(0)
    page.context.set_offline(False)
    person.done()
    assert len(fast.demo.queue.history()) == before + 1
    assert page.evaluate("JSON.parse(sessionStorage['comfyforms.presses'])") == []
    person.forgive(FAILED, *AWAY)


def test_a_press_whose_answer_is_lost_starts_one_run(fast: Site, visit: Visit) -> None:
    """The page sends the press again under its key, and follows the run that the first one
    started."""
    person = visit(fast).open(**{"5.steps": 1})
    before = len(fast.demo.queue.history())
    sent: list[Any] = []

    def lose(route: Route) -> None:
        sent.append(route.request.headers["idempotency-key"])
        if len(sent) > 1:
            route.continue_()
        else:
            route.fetch()
            route.abort("connectionreset")

    person.page.route("**/workflows/text-to-image/runs", lose)
    person.page.locator("#generate").click()
    person.done()
    eventually(lambda: len(sent) == 2, "it was sent again")
    assert sent[0] == sent[1]
    eventually(fast.idle, "the server is idle")
    assert len(fast.demo.queue.history()) == before + 1
    person.page.unroute("**/workflows/text-to-image/runs")
    person.forgive(FAILED, *AWAY)


@pytest.mark.parametrize(("status", "kind"), [(409, "goes-on"), (503, "shutting-down")])
def test_a_press_that_is_being_started_waits_for_its_run(
    fast: Site, visit: Visit, status: int, kind: str
) -> None:
    """The app still processes the first request when the page sends it again, or it is about to
    restart. The page asks until it gets the run, and shows no error."""
    person = visit(fast).open(**{"5.steps": 1})
    sent: list[Any] = []
    problem = {"type": f"urn:comfyforms:problem:{kind}", "detail": "It's being started."}

    def start(route: Route) -> None:
        sent.append(route.request.headers["idempotency-key"])
        if len(sent) > 2:
            route.continue_()
        else:
            if len(sent) == 1:
                expect(person.page.locator("#stage .headline")).to_have_text("Starting…")
            route.fulfill(status=status, json=problem, headers={"retry-after": "1"})

    person.page.route("**/workflows/text-to-image/runs", start)
    person.page.locator("#generate").click()
    person.done()
    assert len(sent) == 3
    assert len({*sent}) == 1
    person.page.unroute("**/workflows/text-to-image/runs")
    person.forgive(FAILED)


@pytest.fixture
def demo(nothing_left_behind: None) -> Iterator[DemoServer]:
    """Yield a fast server."""
    with DemoServer(step_seconds=0) as server:
        yield server


def test_a_press_while_the_app_restarts_starts_after_it(
    demo: DemoServer, visit: Visit, tmp_path: Path
) -> None:
    """The app ends, the user presses Generate, and the restarted app's page starts the run with
    the values at the press."""
    port = free_port()
    with app_at(demo, tmp_path, port) as (site, _, _):
        person = visit(site).open(**{"5.steps": 1})
        person.entry("2.text").fill("pressed in between")
        person.page.route("**/runs", lambda route: route.abort("connectionrefused"))
        person.page.locator("#generate").click()
        expect(person.page.locator("#stage .headline")).to_have_text(WAITS)
    person.page.unroute("**/runs")
    with app_at(demo, tmp_path, port) as (site, _, _):
        run_id = person.done()
        assert site.prompt_of(run_id)["2"]["inputs"]["text"] == "pressed in between"
        assert len(demo.queue.history()) == 1
        person.forgive(FAILED, *AWAY)
        person.leave()


def test_an_old_press_is_not_started(fast: Site, visit: Visit) -> None:
    """After ten minutes, the page says that the run wasn't started. The user can also withdraw a
    kept press."""
    person = visit(fast).open(**{"5.steps": 1})
    before = len(fast.demo.queue.history())
    page, headline = person.page, person.page.locator("#stage .headline")
    page.route("**/runs", lambda route: route.abort("connectionrefused"))
    page.locator("#generate").click()
    expect(headline).to_have_text(WAITS)
    page.evaluate(OLD)
    expect(page.locator("#stage")).to_contain_text(NOT_STARTED)
    page.locator("#generate").click()
    expect(headline).to_have_text(WAITS)
    page.get_by_role("button", name="Don't start it").click()
    expect(headline).not_to_have_text(WAITS)
    page.unroute("**/runs")
    page.reload()
    person.ready()
    expect(page.locator("#stop")).to_be_disabled()
    assert len(fast.demo.queue.history()) == before
    person.forgive(FAILED, *AWAY)


def test_a_withdrawn_press_stays_withdrawn(fast: Site, visit: Visit) -> None:
    """Its notice doesn't come back when a request that was under way fails."""
    person = visit(fast).open(**{"5.steps": 1})
    page, headline, held = person.page, person.page.locator("#stage .headline"), list[Route]()
    page.route("**/runs", lambda route: route.abort("connectionrefused"))
    page.locator("#generate").click()
    expect(headline).to_have_text(WAITS)
    page.unroute("**/runs")
    with page.expect_request("**/runs"):
        page.route("**/runs", lambda route: held.append(route))
    page.get_by_role("button", name="Don't start it").click()
    expect(headline).not_to_have_text(WAITS)
    with page.expect_event("requestfailed"):
        held[0].abort("connectionrefused")
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
    assert headline.text_content() != WAITS
    person.forgive(FAILED, *AWAY)


def test_a_refused_press_says_that_it_was_not_started(fast: Site, visit: Visit) -> None:
    """If the app refuses a kept press, the page says so with the reason."""
    person = visit(fast).open(**{"5.steps": 1})
    answers = [None, {"detail": "Too many runs.", "hint": "Wait for one."}]

    def answer(route: Route) -> None:
        if told := answers.pop(0):
            route.fulfill(status=429, content_type="application/json", body=json.dumps(told))
        else:
            route.abort("connectionreset")

    person.page.route("**/runs", answer)
    person.page.locator("#generate").click()
    expect(person.page.locator("#stage")).to_contain_text(NOT_STARTED)
    expect(person.page.locator("#stage")).to_contain_text("Too many runs. Wait for one.")
    person.page.unroute("**/runs")
    person.forgive(FAILED, *AWAY)
