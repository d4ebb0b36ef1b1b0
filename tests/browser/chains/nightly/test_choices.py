"""Choose on the page which parts of a chain run."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.chains.conftest import STUCK, choose
from tests.support.visitor import Site, Visit


def test_a_choice_that_cannot_run_can_be_changed_back(chains: Site, visit: Visit) -> None:
    """The form reports the problem, and so does the stage when the user presses Generate. The
    switch keeps its value, also after a reload."""
    person = visit(chains).open(STUCK)
    person.type("make.2.text", "a boat")
    notice = person.page.locator("#form .notice").get_by_text("can't run with “look: photo”")
    choose(person, "switches:.look", "photo")
    expect(notice).to_have_text(
        "This chain can't run with “look: photo”: Step “large” needs “make”, which is turned off."
    )
    person.page.reload()
    expect(notice).to_be_visible()
    expect(person.entry("switches:.look")).to_have_value("photo")
    person.press()
    expect(person.page.locator("#stage")).to_contain_text("can't run with “look: photo”")
    choose(person, "switches:.look", "painting")
    expect(notice).to_have_count(0)
    expect(person.entry("make.2.text")).to_have_value("a boat")
