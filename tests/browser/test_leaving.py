"""Leaving and coming back: reload, closed tab, two tabs, an app that ends, a link that is cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import STEP
from tests.support.serving import running_demo_app
from tests.support.visitor import Site, Visitor
from tests.support.waiting import eventually

Visit = Callable[..., Visitor]


@pytest.fixture
def impatient(nothing_left_behind: None) -> Iterator[Site]:
    """A slow site of the test's own with a grace time in which a page is sure to be there."""
    with running_demo_app(step_seconds=STEP, ahead=2, grace=4.0) as (demo, app):
        yield Site(app.url, demo, app)


@pytest.mark.every  # tests/ui/routes closes the sockets of a page without one
def test_a_closed_tab_takes_its_queued_runs_along(impatient: Site, visit: Visit) -> None:
    """A closed tab ends its run at the server after the grace time, and the socket closes with 1000.
    Its waiting runs leave the queue too, another person's run goes on."""
    leaver, stayer = (
        visit(impatient).open(**{"5.steps": 60}),
        visit(impatient).open(**{"5.steps": 4}),
    )
    leaver.press()
    leaver.frames(1)
    leaver.press()
    eventually(lambda: impatient.demo.queue.remaining() == 2, "two runs are there")
    stayer.press()
    eventually(lambda: impatient.services.runs.waiting == 2, "two runs wait")
    leaver.page.close()
    run_id = stayer.done()
    assert impatient.prompt_of(run_id)["5"]["inputs"]["steps"] == 4
    eventually(impatient.idle, "all have ended")
    eventually(lambda: len(impatient.demo.sockets.close_codes) >= 2, "the close codes")
    assert set(impatient.demo.sockets.close_codes) == {1000}
    assert len(impatient.demo.queue.history()) >= 2


def test_a_lost_connection_to_the_app_comes_back(slow: Site, visit: Visit) -> None:
    """When the socket between browser and app is cut, the page connects again and the run goes
    on."""
    person = visit(slow)
    person.before_load(
        "const Real = WebSocket; window.opened = []; window.WebSocket = class extends Real {"
        " constructor(...a) { super(...a); window.opened.push(this); } };"
    )
    person.open(**{"5.steps": 60})
    person.press()
    person.frames(2)
    person.page.evaluate("window.opened.findLast((one) => one.url.includes('/live/')).close()")
    person.page.wait_for_function(
        "window.opened.filter((one) => one.url.includes('/live/')).length === 2"
    )
    slow.demo.speed.step = 0
    person.done()


@pytest.mark.every  # tests/browser/test_reattach.py restarts the app in a run
def test_the_app_ends_in_a_run(visit: Visit) -> None:
    """When the app is stopped, the page says that the run was stopped; at the server it has ended
    cleanly."""
    with running_demo_app(step_seconds=0.12) as (demo, app):
        site = Site(app.url, demo, app)
        person = visit(site).open()
        person.press()
        person.frames(1)
        app.services.runs.close()
        person.phase("stopped")
        expect(person.page.locator("#stage .headline")).to_contain_text("shut down")
        eventually(site.idle, "the server is idle")
        eventually(lambda: demo.sockets.close_codes == [1000], "the close code")
        person.leave()
