"""The workflow that the app opens, and how users find theirs again."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.support.visitor import Site, Visit


def test_the_first_visit_and_later_ones(fast: Site, visit: Visit) -> None:
    """The first visit opens the workflow that its author has put first. Later visits open the
    workflow that the user used last. Typed text and Back work as with any other address. The form
    has the author's values, and the user can generate with it."""
    person = visit(fast)
    heading = person.page.locator("#heading h1")
    person.page.goto(fast.url)
    expect(heading).to_have_text("Text to image")
    expect(person.page).to_have_url(re.compile("workflow=text-to-image"))
    person.type("2.text", "typed on the first visit")
    person.choose("Upscale")
    expect(heading).to_have_text("Upscale")
    assert urlsplit(person.page.url).query == "workflow=upscale"
    expect(person.entry("2.text")).to_have_value("sharp, finely detailed")
    expect(person.page.locator("#generate")).to_be_enabled()
    expect(person.page.locator("#demo")).to_contain_text("not connected to ComfyUI")
    person.page.go_back()
    expect(heading).to_have_text("Text to image")
    expect(person.entry("2.text")).to_have_value("typed on the first visit")
    person.turn_to("upscale")
    person.page.goto(fast.url)
    expect(heading).to_have_text("Upscale")
    expect(person.page).to_have_url(re.compile("workflow=upscale"))
    person.page.evaluate("localStorage.setItem('comfyforms.recent', '[\"gone\"]')")
    person.page.goto(fast.url)
    expect(heading).to_have_text("Text to image")
