"""Which workflow is opened, and how people find theirs again."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]


def test_the_first_visit_and_later_ones(fast: Site, visit: Visit) -> None:
    """The first visit opens the workflow that its author has put first, later ones the one that was
    used last; what was typed and the way back are as with any other address."""
    person = visit(fast)
    heading = person.page.locator("#heading h1")
    person.page.goto(fast.url)
    expect(heading).to_have_text("Text to image")
    expect(person.page).to_have_url(re.compile("workflow=text-to-image"))
    person.type("2.text", "typed on the first visit")
    person.page.locator("#picker input").click()
    person.page.get_by_role("option", name="Upscale").click()
    expect(heading).to_have_text("Upscale")
    person.page.go_back()
    expect(heading).to_have_text("Text to image")
    expect(person.entry("2.text")).to_have_value("typed on the first visit")
    person.open("upscale")
    person.page.goto(fast.url)
    expect(heading).to_have_text("Upscale")
    person.page.evaluate("localStorage.setItem('comfyforms.last', '\"gone\"')")
    person.page.goto(fast.url)
    expect(heading).to_have_text("Text to image")
