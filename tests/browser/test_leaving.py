"""Leaving and coming back: reload, closed tab, two tabs, an app that ends, a link that is cut."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.support.serving import running_demo_app
from tests.support.visitor import Site, Visitor
from tests.support.waiting import eventually

Visit = Callable[..., Visitor]


def test_a_closed_tab_ends_the_run(slow: Site, visit: Visit) -> None:
    """A closed tab ends its run at the server after the grace time, and the socket closes with
    1000."""
    person = visit(slow).open(**{"5.steps": 60})
    person.press()
    person.frames(1)
    person.page.close()
    eventually(slow.idle, "the run has ended")
    eventually(lambda: slow.demo.sockets.close_codes[-1] == 1000, "the close code")
    assert len(slow.demo.queue.history()) >= 1


def test_a_closed_tab_takes_its_queued_runs_along(slow: Site, visit: Visit) -> None:
    """Waiting runs of a closed tab leave the queue too, another person's run goes on."""
    leaver, stayer = visit(slow).open(**{"5.steps": 60}), visit(slow).open(**{"5.steps": 4})
    leaver.press()
    leaver.frames(1)
    leaver.press()
    eventually(lambda: slow.demo.queue.remaining() == 2, "two runs are there")
    stayer.press()
    eventually(lambda: slow.services.runs.waiting == 2, "two runs wait")
    leaver.page.close()
    run_id = stayer.done()
    assert slow.prompt_of(run_id)["5"]["inputs"]["steps"] == 4


def test_a_lost_connection_to_the_app_comes_back(slow: Site, visit: Visit) -> None:
    """When the socket between browser and app is cut, the page connects again and the run goes
    on."""
    person = visit(slow)
    person.page.add_init_script(
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
        person.page.close()
