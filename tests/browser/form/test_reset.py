"""Resetting to the author's values and undoing it, and the initial values after a reload and in
other tabs."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.form.nightly.test_seeds import LARGEST
from tests.support.visitor import Site, Visit, Visitor


def resets(person: Visitor) -> Locator:
    """Return the buttons beside the labels of changed fields."""
    return person.page.locator(".put-back")


def test_values_survive_a_reload(fast: Site, visit: Visit) -> None:
    """Typed values survive a reload, even if the user opened the page by a link with values. Each
    workflow keeps its own values."""
    person = visit(fast).open(**{"2.text": "a dog", "5.steps": 7})
    expect(person.entry("2.text")).to_have_value("a dog")
    person.type("2.text", "a cat\nin two lines")
    person.keep_seed(LARGEST)
    person.type("4.width", 640)
    person.page.reload()
    person.ready()
    expect(person.entry("2.text")).to_have_value("a cat\nin two lines")
    expect(person.entry("5.steps")).to_have_value("7")
    expect(person.entry("5.seed")).to_have_value(str(LARGEST))
    expect(person.entry("4.width")).to_have_value("640")
    person.turn_to("image-to-image")
    expect(person.entry("2.text")).not_to_have_value("a cat\nin two lines")
    person.turn_to("text-to-image")
    expect(person.entry("2.text")).to_have_value("a cat\nin two lines")
