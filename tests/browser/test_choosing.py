"""Which workflow is opened, and how people find theirs again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.brought import give, prompt
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


def test_nobody_else_sees_an_opened_workflow(fast: Site, visit: Visit) -> None:
    """Whoever opened a workflow finds it in the list; its address leads nobody else anywhere, and
    the page says so beforehand."""
    person, other = visit(fast).open(), visit(fast)
    expect(person.page.get_by_role("button", name="Copy link")).to_be_visible()
    give(person.page, json.dumps(prompt("private")).encode(), "mine.json")
    expect(person.entry("2.text")).to_have_value("private")
    picker = person.page.locator("#picker input")
    expect(picker).to_have_value("Mine · opened by me")
    expect(person.page.get_by_role("button", name="Copy link")).to_have_count(0)
    expect(person.page.locator("#opened-here")).to_contain_text("link")
    address = person.page.url
    person.open("upscale")
    picker.click()
    person.page.get_by_role("option", name="Mine").click()
    expect(person.entry("2.text")).to_have_value("private")
    expect(person.page).to_have_url(address)
    other.page.goto(address)
    expect(other.page.locator("#no-form")).to_contain_text("ask them for the file")
    other.page.locator("#picker input").click()
    expect(other.page.get_by_role("option", name="Upscale")).to_be_visible()
    expect(other.page.get_by_role("option", name="Mine")).to_have_count(0)
