"""Leaving and coming back: reload, closed tab, two tabs, an app that shuts down, a lost
connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import STEP
from tests.browser.test_leaving import Visit
from tests.support.serving import running_demo_app
from tests.support.visitor import Site
from tests.support.waiting import eventually


@pytest.fixture
def impatient(nothing_left_behind: None) -> Iterator[Site]:
    """Yield a slow site of the test's own, with a grace time long enough for a page to connect."""
    with running_demo_app(step_seconds=STEP, ahead=2, grace=4.0) as (demo, app):
        yield Site(app.url, demo, app)


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
