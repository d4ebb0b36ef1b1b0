"""Undoing what has replaced the form's values."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.support.visitor import Site, Visit


def test_the_undo_ends_with_the_next_replacement(fast: Site, visit: Visit) -> None:
    """Typing doesn't end the offer before, but reused settings, an idea, a link and another form
    do. Undo never brings back values from before the last replacement."""
    person = visit(fast).open()
    line = person.page.locator("#replaced")
    prompt = person.entry("2.text")
    authors = prompt.input_value()
    person.type("2.text", "a boat")
    person.generate()
    person.type("2.text", "a castle")
    person.act("Reuse settings")
    expect(prompt).to_have_value("a boat")
    expect(line.get_by_role("status")).to_contain_text("Settings restored.")
    expect(line).to_be_in_viewport(ratio=1)
    person.type("2.text", "a boathouse")
    line.get_by_role("button", name="Undo").click()
    expect(prompt).to_have_value("a castle")
    line.get_by_role("button", name="Redo").click()
    expect(prompt).to_have_value("a boathouse")
    line.get_by_role("button", name="Undo").click()
    person.type("2.text", "a tower")

    person.for_form("Reset")
    expect(line.get_by_role("button", name="Undo")).to_be_visible()
    person.act("Reuse settings")
    expect(line.get_by_role("button")).to_have_text(["Undo", "Use random seeds"])
    expect(prompt).to_have_value("a boat")
    line.get_by_role("button", name="Undo").click()
    expect(prompt).to_have_value(authors)

    person.type("2.text", "a lighthouse")
    person.open(**{"2.text": "a ship"})
    expect(prompt).to_have_value("a ship")
    expect(line.get_by_role("status")).to_have_text("Settings from the link.")
    line.get_by_role("button", name="Undo").click()
    expect(prompt).to_have_value("a lighthouse")
    person.turn_to("upscale")
    expect(line).to_be_hidden()


def test_a_removed_image_comes_back(fast: Site, visit: Visit) -> None:
    """A press that is refused because it is missing, and a change after it, keep the offer. A
    reload doesn't bring the example back."""
    person = visit(fast).open("image-to-image")
    image = person.field("4.image").locator("img")
    undo = person.page.locator("#replaced").get_by_role("button", name="Undo")
    person.for_image("4.image", "Remove image")
    expect(image).to_have_count(0)
    person.press()
    expect(person.page.locator("#of-fields")).to_be_visible()
    expect(undo).to_be_in_viewport(ratio=1)
    person.type("2.text", "a boat")
    undo.click()
    expect(image).to_be_visible()
    person.for_image("4.image", "Remove image")
    expect(image).to_have_count(0)
    person.page.reload()
    person.ready()
    expect(image).to_have_count(0)


def test_the_same_settings_and_seed_are_mentioned(fast: Site, visit: Visit) -> None:
    """The second result of a fixed seed says so, with a button for a random one."""
    person = visit(fast).open()
    person.keep_seed(7)
    person.generate()
    other = person.page.get_by_role("button", name="Use a random seed")
    expect(other).to_have_count(0)
    person.generate()
    other.click()
    expect(other).to_have_count(0)
    expect(person.page.locator(".seed-mode input[value=random]")).to_be_checked()


def test_an_idea_is_undone(fast: Site, visit: Visit) -> None:
    """The prompt that the user had typed comes back."""
    person = visit(fast).open()
    person.type("2.text", "mine")
    person.page.locator(".idea").first.click()
    expect(person.entry("2.text")).not_to_have_value("mine")
    person.page.locator("#replaced").get_by_role("button", name="Undo").click()
    expect(person.entry("2.text")).to_have_value("mine")


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_generate_stays_in_place_when_the_line_appears(
    fast: Site, visit: Visit, size: tuple[int, int]
) -> None:
    person = visit(fast, viewport={"width": size[0], "height": size[1]}).open()
    page, line = person.page, person.page.locator("#replaced")
    generate = page.locator("#generate")
    idea = page.locator(".idea").first
    idea.scroll_into_view_if_needed()
    before = generate.bounding_box()
    idea.click()
    expect(line).to_be_in_viewport(ratio=1)
    after, box = generate.bounding_box(), line.bounding_box()
    assert before
    assert after
    assert box
    assert after["y"] == before["y"]
    assert box["y"] + box["height"] <= after["y"]


def test_the_line_comes_with_the_values(fast: Site, visit: Visit) -> None:
    """On a slow link, Generate is off until the reused values are in the form."""
    person = visit(fast).open()
    page, line = person.page, person.page.locator("#replaced")
    person.type("2.text", "a boat")
    person.generate()
    person.type("2.text", "a castle")
    held: list[Route] = []
    page.route("**/gradio_api/run/**", lambda one: held.append(one))
    person.act("Reuse settings")
    expect(page.locator("#generate")).to_be_disabled()
    expect(line).to_be_hidden()
    expect(person.entry("2.text")).to_have_value("a castle")
    page.route("**/gradio_api/run/**", lambda one: one.continue_())
    for request in held:
        request.continue_()
    expect(line).to_contain_text("Settings restored.")
    expect(person.entry("2.text")).to_have_value("a boat")
    expect(page.locator("#generate")).to_be_enabled()
