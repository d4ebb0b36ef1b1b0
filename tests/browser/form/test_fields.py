"""The form's fields: valid input, errors on the field, and how the form keeps values."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from tests.browser.form.nightly.test_seeds import LARGEST
from tests.browser.form.test_reset import PHOTO
from tests.support.visitor import Site, Visitor
from tests.support.waiting import eventually

Visit = Callable[..., Visitor]


def test_all_wrong_fields_are_marked_at_once(fast: Site, visit: Visit) -> None:
    """Every wrong field shows its own error, and the folded Advanced section opens. Each error
    stays until the user corrects that value, and then disappears without a press. An error on an
    image to paint over disappears when the user chooses an image."""
    person = visit(fast).open("image-to-image")
    are_told(person)
    assert not fast.demo.queue.remaining()
    person.page.get_by_role("button", name="Reset", exact=True).click()
    expect(person.page.locator(".field-error")).to_have_count(0)
    for key in ("5.width", "5.height"):
        expect(person.entry(key)).to_have_value("512")
    go_one_by_one(person)
    person.turn_to("inpaint")
    field = person.field("4.image")
    field.get_by_role("button", name="Remove image").click()
    person.press()
    expect(field.locator(".field-error")).to_be_visible()
    field.locator("input[type=file]").first.set_input_files(PHOTO)
    expect(person.page.locator(".field-error")).to_have_count(0)


def are_told(person: Visitor) -> None:
    """Check that four invalid fields show their errors."""
    person.unfold()
    person.type("8.cfg", "")
    person.page.locator("#form .section button.label-wrap").click()
    expect(person.field("8.cfg")).not_to_be_visible()
    person.type("5.width", "")
    person.type("5.height", "7")
    person.keep_seed("minus one", "8.seed")
    person.press()
    expect(person.page.locator(".field-error")).to_have_count(4)
    errors = person.errors()
    assert set(errors) == {"field-8-cfg", "field-5-width", "field-5-height", "field-8-seed"}
    assert errors["field-8-cfg"] == "Enter a number."
    expect(person.field("8.cfg")).to_be_visible()
    expect(person.entry("5.height")).to_have_attribute("aria-invalid", "true")


def go_one_by_one(person: Visitor) -> None:
    """Check that fixing an invalid field clears only its own error."""
    image = person.field("4.image")
    person.type("5.height", "99999")
    image.get_by_label("Remove Image").click()
    person.press()
    expect(person.page.locator(".field-error")).to_have_count(2)
    person.type("2.text", "something else")
    person.type("5.height", "99998")
    assert set(person.errors()) == {"field-4-image", "field-5-height"}
    person.type("5.height", "512")
    expect(person.field("5.height").locator(".field-error")).to_have_count(0)
    expect(person.entry("5.height")).not_to_have_attribute("aria-invalid", "true")
    assert set(person.errors()) == {"field-4-image"}
    image.locator("input[type=file]").set_input_files(PHOTO)
    expect(person.page.locator(".field-error")).to_have_count(0)


def test_numbers(fast: Site, visit: Visit) -> None:
    """When the user leaves a field, it reports a number that the app would refuse, before any
    press. A press shows the same sentence. Each kind of error has its own sentence, and a valid
    number has no error. A user who continues typing keeps the focus. A number rounded to a step or
    limited by a slider shows the value to be sent, with a note. The note stays until the user edits
    or resets the value."""
    person = visit(fast).open()
    are_refused(person)
    is_in_view(person)
    are_changed(person)
    sent = fast.prompt_of(person.done())
    assert (sent["5"]["inputs"]["steps"], sent["4"]["inputs"]["height"]) == (1, 304)
    expect(person.entry("4.height")).to_have_value("304")


def are_refused(person: Visitor) -> None:
    """Check that the field refuses invalid widths and accepts a valid width."""
    note = person.field("4.width").locator(".field-error")
    for typed, said in (("99999", "Maximum 1024."), ("7", "Minimum 256."), ("", "Enter a number.")):
        person.entry("4.width").fill(typed)
        person.entry("2.text").focus()
        expect(note).to_have_text(said)
        expect(person.entry("2.text")).to_be_focused()
        expect(person.page.locator("#spoken")).to_have_text(f"Width: {said}")
        person.press()
        expect(person.entry("4.width")).to_be_focused()
        expect(note).to_have_text(said)
    person.entry("4.width").fill("512")
    expect(note).to_have_count(0)


def is_in_view(person: Visitor) -> None:
    """Check that Generate doesn't cover the error of the number just above it when the user leaves
    by Tab. The error stays however fast the user typed."""
    person.page.set_viewport_size({"width": 1366, "height": 650})
    height, bar = person.entry("4.height"), person.page.locator("#actions")
    below = """([one, bar]) => scrollBy({ behavior: "instant",
        top: one.getBoundingClientRect().bottom + 24 - bar.getBoundingClientRect().top })"""
    person.page.evaluate(below, [height.element_handle(), bar.element_handle()])
    height.press("Control+A")
    person.page.keyboard.type("99999")
    height.press("Tab")
    kept = "JSON.stringify({ ...sessionStorage }).includes('99999')"
    eventually(lambda: person.page.evaluate(kept), "the form has told what was typed")
    note = person.field("4.height").locator(".field-error")
    expect(note).to_have_text("Maximum 1024.")
    lower, upper = note.bounding_box(), bar.bounding_box()
    assert lower
    assert upper
    assert lower["y"] + lower["height"] + 8 <= upper["y"]
    height.fill("512")


def are_changed(person: Visitor) -> None:
    """Check that the form adjusts values that don't fit and says so, then press Generate."""
    notes = person.page.locator(".field-note")
    person.type("4.width", "513")
    expect(person.entry("4.width")).to_have_value("512")
    expect(person.field("4.width").locator(".field-note")).to_have_text(
        "Changed from 513 to 512 to match the step size of 8."
    )
    person.type("4.width", "520")
    expect(notes).to_have_count(0)
    person.type("5.steps", "0")
    expect(person.entry("5.steps")).to_have_value("1")
    expect(notes).to_have_text("Changed from 0 to 1. Minimum 1.")
    person.type("4.width", "770")
    expect(notes).to_have_count(2)
    person.page.get_by_role("button", name="Reset", exact=True).click()
    expect(notes).to_have_count(0)
    person.type("5.steps", "0")
    expect(notes).to_have_text("Changed from 0 to 1. Minimum 1.")
    person.entry("4.height").fill("301")
    person.page.keyboard.press("Control+Enter")


def test_a_link_carries_values(fast: Site, visit: Visit) -> None:
    """“Copy link” copies an address that shows another user the same filled-in form. That user can
    share it in turn."""
    person = visit(fast, permissions=["clipboard-read", "clipboard-write"]).open()
    person.type("2.text", "a cat & a dog? 100%")
    person.keep_seed(LARGEST)
    person.page.get_by_role("button", name="Copy link").click()
    expect(person.page.get_by_role("button", name="Link copied")).to_be_visible()
    link = str(person.page.evaluate("navigator.clipboard.readText()"))
    assert parse_qs(urlsplit(link).query)["2.text"] == ["a cat & a dog? 100%"]
    other = visit(fast, permissions=["clipboard-read", "clipboard-write"])
    other.page.goto(link)
    other.ready()
    expect(other.entry("2.text")).to_have_value("a cat & a dog? 100%")
    expect(other.entry("5.seed")).to_have_value(str(LARGEST))
    expect(other.page.locator(".seed-mode input[value=random]")).not_to_be_checked()
    for prompt in ("a cat & a dog? 100%", "a bird"):
        other.type("2.text", prompt)
        other.page.get_by_role("button", name="Copy link").click()
        expect(other.page.get_by_role("button", name="Link copied")).to_be_visible()
        again = str(other.page.evaluate("navigator.clipboard.readText()"))
        assert parse_qs(urlsplit(again).query)["2.text"] == [prompt]
        assert parse_qs(urlsplit(again).query)["5.seed"] == [str(LARGEST)]
