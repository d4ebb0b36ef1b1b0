"""Leaving and coming back: reload, closed tab, two tabs, an app that shuts down, a lost
connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.fixtures import STEP
from tests.browser.nightly.test_reattach import first_owner
from tests.browser.test_leaving import Visit
from tests.support.serving import running_demo_app
from tests.support.visitor import Site, Visitor
from tests.support.waiting import eventually

KEEP = "Keep running if I close this page"


@pytest.fixture
def impatient(nothing_left_behind: None) -> Iterator[Site]:
    """Yield a slow site of the test's own, with a grace time long enough for a page to connect."""
    with running_demo_app(step_seconds=STEP, ahead=2, grace=4.0) as (demo, app):
        yield Site(app.url, demo, app)


@pytest.fixture
def asking(nothing_left_behind: None) -> Iterator[Site]:
    """Yield a slow site where runs stop without a page, unless the user chose otherwise."""
    with running_demo_app(step_seconds=STEP, ahead=2, grace=30.0) as (demo, app):
        yield Site(app.url, demo, app)


def test_runs_outlive_their_page_by_default(slow: Site, visit: Visit) -> None:
    """Without a choice, a closed tab's run continues, and the next tab shows how it ended. A long
    run says so."""
    person = visit(slow).open(**{"5.steps": 60})
    page = person.page
    expect(page.get_by_label(KEEP)).to_be_hidden()
    person.press()
    expect(page.locator("#stage .times")).to_contain_text("you can close this page")
    expect(page.locator("#stage .closing")).to_be_empty()
    context = page.context
    page.close()
    slow.demo.speed.step = 0.0
    later = Visitor(context.new_page(), slow).open()
    later.done()


def test_a_page_says_that_its_run_stops_with_it(asking: Site, visit: Visit) -> None:
    """If runs stop when the page closes, the page says so while a run is on. With the box checked,
    a closed tab's run continues, and the next tab shows how it ended. The box stays checked."""
    person = visit(asking).open(**{"5.steps": 60})
    keep, stops = person.page.get_by_label(KEEP), person.page.locator("#stage .closing")
    person.press()
    expect(stops).to_have_text("Stops if you close this page")
    person.page.locator("#stop").click()
    person.phase("stopped")
    expect(stops).to_be_empty()
    keep.check()
    keep.press("Control+Enter")
    person.frames(1)
    expect(stops).to_be_empty()
    (run,) = asking.services.runs.line_of(first_owner(asking))
    assert run.keeps_going  # any run would outlive the tab by the 30 s in which it may come back
    context = person.page.context
    person.page.close()
    asking.demo.speed.step = 0.05
    eventually(lambda: run.state.phase.finished, "the run has ended")
    assert run.state.phase == "done"
    asking.demo.speed.step = STEP
    later = Visitor(context.new_page(), asking).open()
    assert later.done() == run.id
    expect(later.page.get_by_label(KEEP)).to_be_checked()
    later.page.get_by_label(KEEP).uncheck()
    later.page.wait_for_function("localStorage['comfyforms.keeps_going'] === 'false'")
    later.page.reload()
    later.ready()
    expect(later.page.get_by_label(KEEP)).not_to_be_checked()


def test_a_closed_tab_cancels_its_waiting_runs(impatient: Site, visit: Visit) -> None:
    """After the grace time, the app ends a closed tab's run on the server and closes the socket
    with code 1000. The tab's waiting runs also leave the queue. Another user's run continues."""
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


def test_two_tabs_show_their_own_runs(slow: Site, visit: Visit) -> None:
    """While one tab's run is on, the form in another tab is free: it shows that run only in the
    list, then its own progress, and in the end each tab has its own result."""
    one = visit(slow).open(**{"5.steps": 60})
    one.press()
    one.frames(1)
    two = one.another_tab("animation")
    expect(two.page.locator("#queue li")).to_have_count(1)
    expect(two.page.locator("#stage .stage")).to_have_attribute("data-run", "")
    two.press()
    two.phase("waiting")
    one.phase("running")
    slow.demo.speed.step = 0.0
    first, second = one.done(), two.done()
    assert slow.run(first).job.workflow == "text-to-image"
    assert slow.run(second).job.workflow == "animation"


def test_the_app_ends_in_a_run(visit: Visit) -> None:
    """When the app shuts down, the page says that the run was stopped. On the ComfyUI server, the
    run ends cleanly."""
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
