"""Accessibility by keyboard, with a screen reader, on a phone and in the dark theme. No request
leaves the machine."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.test_access import PHONE, UNNAMED, Visit, low_contrast
from tests.support.visitor import Site, Visitor

PLEX = re.compile('^"IBM Plex Sans"')
# Record everything that the screen reader announces from now on.
LISTEN = """() => {
    const spoken = document.querySelector(".spoken");
    window.heard = [];
    new MutationObserver(() => window.heard.push(spoken.textContent))
        .observe(spoken, { childList: true, characterData: true, subtree: true });
}"""


def test_light_and_dark(fast: Site, visit: Visit) -> None:
    """The page follows the system's theme. The button changes the theme, and that choice survives a
    reload. In both themes, all text has a contrast of at least 4.5 to its background: idle, done
    and with errors. Every control has a name, idle and done."""
    person = visit(fast, color_scheme="dark").open(**{"5.steps": 1})
    dark, switch = person.page.locator("body.dark"), person.page.locator("#shade button")

    def is_read() -> None:
        for shade in (1, 0):
            expect(dark).to_have_count(shade)
            expect(person.page.locator("#generate")).to_have_css("font-family", PLEX)
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
    person.page.get_by_role("button", name="Light theme").click()
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


def test_a_phone(slow: Site, visit: Visit) -> None:
    """On a phone, Generate is in reach without scrolling, nothing is wider than the screen, and the
    image comes first. A screen reader announces the phases, not every step."""
    person = visit(slow, **PHONE).open(**{"5.steps": 8})
    person.page.evaluate(LISTEN)
    expect(person.page.locator("#generate")).to_be_in_viewport(ratio=1)
    assert person.page.evaluate("document.documentElement.scrollWidth") <= 400
    person.press()
    person.frames(1)
    expect(person.page.locator("#stage .viewport")).to_be_in_viewport(ratio=0.9)
    expect(person.page.locator("#stage .headline")).to_be_in_viewport(ratio=1)
    expect(person.page.locator("#stop")).to_be_in_viewport(ratio=1)
    person.done()
    heard = person.page.evaluate("window.heard")
    assert 2 <= len(heard) <= 5, heard
    assert heard[-1].startswith("Done")
    expect(person.page.locator("#stage .media img")).to_be_in_viewport(ratio=0.9)
    assert person.page.evaluate("document.documentElement.scrollWidth") <= 400
