"""From a shared address to an image: the form, the live previews, the result, Stop, the queue and
errors."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.test_generate import Visit
from tests.support.visitor import Site


def test_a_server_that_dies(own: Site, visit: Visit) -> None:
    """If the server loses its memory during a run, the page says what happened and what to do. The
    user can run it again at once, with the same values and the same seed."""
    person = visit(own).open(**{"5.steps": 30, "2.text": "a fox"})
    person.press()
    person.frames(1)
    (lost,) = own.unfinished()
    own.demo.restart()
    person.phase("lost")
    expect(person.page.locator("#stage .advice")).not_to_be_empty()
    expect(person.page.locator("#stop")).to_be_disabled()
    person.page.get_by_role("button", name="Run again").click()
    own.demo.speed.step = 0
    run_id = person.done(after=lost.id)
    assert own.prompt_of(run_id) == lost.job.prompt
    expect(person.page.locator("#stage .again")).to_be_hidden()
