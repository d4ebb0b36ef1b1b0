"""What a person finds before anything was made: an example, ideas to try, and why nothing can be
made."""

from __future__ import annotations

import json
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.opening.test_choosing import lacking
from tests.support.brought import give
from tests.support.history_tiles import ONE
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
# Of all that stands above the history.
HEIGHT = "document.querySelector('#stage .stage').offsetHeight"


def test_an_example_and_ideas_to_try(fast: Site, visit: Visit) -> None:
    """The stage shows the author's cover. An idea goes into the prompt, where Ctrl+Z takes it back,
    and starts nothing; what was made takes their place, in another tab too, where the history
    below it stays where it is when more is made. Nothing invites to make what cannot run."""
    person = visit(fast).open(**ONE)
    nothing_invites_to_make_what_cannot_run(person)
    empty = person.page.locator("#stage .empty")
    expect(empty.locator("img")).to_have_js_property("naturalWidth", value=512)
    expect(empty).to_contain_text("Drop a workflow file anywhere to open it.")
    ideas = person.page.get_by_role("group", name="Ideas to try").get_by_role("button")
    expect(ideas).to_have_count(3)
    before = person.entry("2.text").input_value()
    idea = ideas.nth(1).inner_text()
    ideas.nth(1).click()
    expect(person.entry("2.text")).to_have_value(idea)
    expect(person.entry("2.text")).to_be_focused()
    person.page.keyboard.press("Control+z")
    expect(person.entry("2.text")).to_have_value(before)
    ideas.nth(1).click()
    assert fast.unfinished() == []
    run = person.generate()
    expect(empty).not_to_be_visible()
    assert fast.prompt_of(run)["2"]["inputs"]["text"] == idea
    later = person.another_tab()
    own = later.page.locator("#stage .empty img")
    expect(own).to_have_attribute("src", f"{fast.url}/files/{run}/0/thumb")
    before = later.page.evaluate(HEIGHT)
    later.generate()
    assert later.page.evaluate(HEIGHT) == before


def nothing_invites_to_make_what_cannot_run(person: Visitor) -> None:
    """While Generate is off because something is missing, that is said above it and on the card, and
    the stage says nothing; the card offers no model of the stand-in's, of which one is there to
    fail. What can run and has no example is said to be filled in, once."""
    missing = lacking()
    missing["1"]["inputs"]["ckpt_name"] = "epic-broken-demo.safetensors"
    give(person.page, json.dumps(missing).encode(), "lacking.json")
    headline = person.page.locator("#stage .headline")
    expect(person.page.locator("#why-off")).to_contain_text("This workflow can't run here")
    expect(headline).to_be_empty()
    expect(person.page.get_by_text("Ideas to try")).not_to_be_visible()
    card = person.page.locator("#missing")
    card.locator("summary").click()
    expect(card).to_contain_text("epic-broken-demo.safetensors")
    expect(card).not_to_contain_text("similar here: demo")
    empty = person.page.locator("#stage .empty")
    expect(empty).not_to_contain_text("Fill in the form")
    person.turn_to("steps/describe-image")
    expect(empty).to_contain_text("Fill in the form and press Generate to see the result here.")
    expect(headline).to_be_empty()
    person.turn_to("text-to-image")
    expect(empty).not_to_contain_text("Fill in the form")
    expect(headline).to_contain_text("Your images will appear here.")
