"""Keys in the form: recalling earlier texts, and the list of all keys."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.visitor import Site, Visit, Visitor


def test_earlier_texts_come_back(fast: Site, visit: Visit) -> None:
    """Up in an empty field, or at the start of a text, recalls the texts that this browser sent
    from that field. Down moves forward again, Esc restores the previous text, and editing works as
    usual. The page lists all keys, and its footer lists the API for scripts."""
    person = visit(fast).open(**{"5.steps": 1})
    box = person.entry("2.text")
    for text in ("a cat", "a dog\nand a bird"):
        person.type("2.text", text)
        person.generate()
    person.type("2.text", "")
    box.focus()
    box.press("ArrowUp")
    expect(box).to_have_value("a dog\nand a bird")
    box.press("ArrowUp")
    expect(box).to_have_value("a cat")
    box.press("ArrowUp")
    expect(box).to_have_value("a cat")
    box.press("ArrowDown")
    expect(box).to_have_value("a dog\nand a bird")
    box.press("ArrowDown")
    expect(box).to_have_value("")
    person.type("2.text", "half a sentence")
    box.focus()
    box.press("End")
    box.press("ArrowUp")  # to the start of this text, as ever
    expect(box).to_have_value("half a sentence")
    box.press("Home")
    box.press("ArrowUp")
    expect(box).to_have_value("a dog\nand a bird")
    box.press("Escape")
    expect(box).to_have_value("half a sentence")
    box.press("ArrowUp")
    box.press("ArrowUp")
    prompt = fast.prompt_of(person.generate())
    assert prompt["2"]["inputs"]["text"] == "a cat"
    person.page.reload()
    person.ready()
    box.focus()
    box.press("Home")
    box.press("ArrowUp")
    expect(box).to_have_value("a dog\nand a bird")
    person.unfold_field("3.text")
    person.entry("3.text").fill("")
    person.entry("3.text").press("ArrowUp")
    expect(person.entry("3.text")).to_have_value("blurry, text, watermark")
    keys_are_told(person)
    is_at_the_foot(person)


def keys_are_told(person: Visitor) -> None:
    """Check that a question mark opens the list of keys, unless the user types it into a field. The
    entry at the foot of the page opens it too, and Esc closes it."""
    keys = person.page.get_by_role("dialog", name="Keyboard shortcuts")
    person.entry("2.text").fill("")
    person.entry("2.text").press("?")
    expect(person.entry("2.text")).to_have_value("?")
    expect(keys).to_be_hidden()
    person.entry("2.text").blur()
    person.page.keyboard.press("?")
    expect(keys).to_contain_text("Generate")
    # All of it fits a desktop's window.
    expect(keys.get_by_role("heading", name="Keyboard shortcuts")).to_be_in_viewport(ratio=1)
    expect(keys.get_by_role("button", name="Close")).to_be_in_viewport(ratio=1)
    person.page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    person.page.locator(".colophon summary").click()
    person.page.get_by_role("button", name="Shortcuts").click()
    expect(keys).to_be_visible()
    keys.get_by_role("button", name="Close").click()
    expect(keys).to_be_hidden()


def is_at_the_foot(person: Visitor) -> None:
    """Check that “API” at the foot of the page opens the documented API, which links to the calls
    for Gradio's clients. Esc closes them. Opening them requests nothing that the app lacks.
    Gradio's own link is hidden."""
    expect(person.page.get_by_text("Use via API")).to_be_hidden()
    person.page.locator("#about").get_by_role("link", name="API", exact=True).click()
    expect(person.page.locator(".opblock").first).to_be_visible()
    link = person.page.get_by_role("link", name="other endpoints")
    person.page.goto(link.evaluate("one => one.href"))
    expect(person.page.get_by_text("API documentation")).to_be_visible()
    expect(person.page.get_by_text("/run", exact=True).first).to_be_visible()
    person.page.keyboard.press("Escape")
    expect(person.page.get_by_text("API documentation")).to_be_hidden()
    assert "view=" not in person.page.url
