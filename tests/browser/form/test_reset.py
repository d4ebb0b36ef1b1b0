"""Resetting to the author's values and undoing it, and the initial values after a reload and in
other tabs."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.browser.form.nightly.test_seeds import LARGEST
from tests.support.serving import WORKFLOWS
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
PHOTO = WORKFLOWS.parent / "tests" / "screenshot.png"


def resets(person: Visitor) -> Locator:
    """Return the buttons beside the labels of changed fields."""
    return person.page.locator(".put-back")


def test_a_reset_is_undone(fast: Site, visit: Visit) -> None:
    """Undo restores the whole form, including files and seeds, and Redo resets it again. The next
    change ends both."""
    person = visit(fast).open("image-to-image")
    person.type("2.text", "a cat")
    person.keep_seed(7, "8.seed")
    image = person.field("4.image")
    image.locator("input[type=file]").set_input_files(PHOTO)
    expect(person.page.get_by_role("button", name="Reset: Your image")).to_be_visible()
    own = str(image.locator("img").get_attribute("src"))
    undo = person.page.locator("#replaced button")
    expect(undo).to_be_hidden()
    person.page.get_by_role("button", name="Reset", exact=True).click()
    expect(resets(person)).to_have_count(0)
    expect(image.locator("img")).not_to_have_attribute("src", own)
    expect(undo).to_have_text("Undo reset")
    undo.click()
    expect(person.entry("2.text")).to_have_value("a cat")
    expect(person.entry("8.seed")).to_have_value("7")
    expect(person.page.locator(".seed-mode input[value=random]")).not_to_be_checked()
    expect(image.locator("img")).to_have_attribute("src", re.compile(r"screenshot\.png$"))
    expect(undo).to_have_text("Redo")
    undo.click()
    expect(person.entry("2.text")).not_to_have_value("a cat")
    undo.click()
    expect(person.entry("2.text")).to_have_value("a cat")
    run_id = person.generate()
    person.type("2.text", "a dog")
    expect(undo).to_be_hidden()
    sent = fast.prompt_of(run_id)
    assert (sent["2"]["inputs"]["text"], sent["8"]["inputs"]["seed"]) == ("a cat", 7)
    assert "screenshot" in sent["4"]["inputs"]["image"]


def test_values_survive_a_reload(fast: Site, visit: Visit) -> None:
    """Typed values survive a reload, even if the user opened the page by a link with values. Each
    workflow keeps its own values. A new tab of the same workflow starts with the values typed in
    the other tab. Then each tab keeps its own values, also after a reload."""
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
    a_new_tab_has_the_newest_values(person)


def a_new_tab_has_the_newest_values(person: Visitor) -> None:
    second = person.another_tab()
    expect(second.entry("2.text")).to_have_value("a cat\nin two lines")
    second.type("2.text", "from the second")
    person.type("5.steps", "9")
    second.page.reload()
    second.ready()
    expect(second.entry("2.text")).to_have_value("from the second")
    expect(second.entry("5.steps")).to_have_value("7")
    expect(person.entry("2.text")).to_have_value("a cat\nin two lines")
    second.page.close()
