"""The sound at the end of a run."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.batch_dialog import SMALL
from tests.support.visitor import Site, Visit

COUNT = """
window.tones = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (at) { window.tones += 1; start.call(this, at); };
"""


def test_a_sound_is_played_if_the_user_wants_it(fast: Site, visit: Visit) -> None:
    """It is off by default. Turning it on plays it, and the browser remembers the choice."""
    person = visit(fast, service_workers="block")
    person.page.add_init_script(COUNT)
    person.open(**{"5.steps": 1, **SMALL})
    person.generate()
    assert person.page.evaluate("tones") == 0
    person.for_form("When done…")
    person.page.get_by_label("Play a sound when a run is done").check()
    person.page.wait_for_function("tones === 2")
    person.page.reload()
    person.ready()
    person.generate()
    person.page.wait_for_function("tones === 2")


def test_a_long_run_offers_to_tell_its_end(slow: Site, visit: Visit) -> None:
    """The page offers it once, after the first run that takes longer than users watch."""
    slow.demo.speed.step = 0.5
    person = visit(slow).open(**{"5.steps": 42, **SMALL})
    person.generate()
    person.page.locator("#stage").get_by_role("button", name="When done…").click()
    expect(person.page.get_by_role("dialog", name="When done")).to_be_visible()
