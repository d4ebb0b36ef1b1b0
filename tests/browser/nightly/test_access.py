"""Accessibility by keyboard, with a screen reader, on a phone and in the dark theme. No request
leaves the machine."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.test_access import UNNAMED, Visit, low_contrast
from tests.support.visitor import Site, Visitor


def test_light_and_dark(fast: Site, visit: Visit) -> None:
    """The page follows the system's theme. The button changes the theme, and that choice survives a
    reload. In both themes, all text has a contrast of at least 4.5 to its background: idle, done
    and with errors. Every control has a name, idle and done."""
    person = visit(fast, color_scheme="dark").open(**{"5.steps": 1})
    dark, switch = person.page.locator("body.dark"), person.page.locator("#shade button")

    def is_read() -> None:
        for shade in (1, 0):
            expect(dark).to_have_count(shade)
            assert low_contrast(person) == [], shade
            switch.click()

    person.unfold()
    is_read()
    everything_has_a_name(person)
    person.generate()
    is_read()
    everything_has_a_name(person)
    expect(person.page.locator("#stage .media img")).not_to_have_attribute("alt", "")
    person.type("4.width", 7)
    person.press()
    expect(person.page.locator(".field-error")).to_be_visible()
    is_read()
    person.page.get_by_role("button", name="Switch theme").click()
    expect(dark).to_have_count(0)
    person.page.reload()
    person.ready()
    expect(dark).to_have_count(0)
    for workflow in ("inpaint", "animation"):
        person.turn_to(workflow).unfold()
        everything_has_a_name(person)


def everything_has_a_name(person: Visitor) -> None:
    """Check that every input, button and link has a name that a screen reader can say, including
    the controls that come with a result."""
    assert person.page.evaluate(UNNAMED) == []
