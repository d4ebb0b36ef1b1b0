"""The form's fields: valid input, errors on the field, and how the form keeps values."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.visitor import Site, Visit, Visitor


def test_all_wrong_fields_are_marked_at_once(fast: Site, visit: Visit) -> None:
    """Every wrong field shows its own error, and the folded Advanced section opens. Reset removes
    the errors."""
    person = visit(fast).open("image-to-image")
    are_told(person)
    assert not fast.demo.queue.remaining()
    person.for_form("Reset")
    expect(person.page.locator(".field-error")).to_have_count(0)
    for key in ("5.width", "5.height"):
        expect(person.entry(key)).to_have_value("512")


def are_told(person: Visitor) -> None:
    """Check that three invalid fields show their errors."""
    errors, advanced = person.page.locator(".field-error"), "#form .section button.label-wrap"
    person.keep_seed("minus one", "8.seed")
    person.type("5.width", "9")
    person.type("5.height", "7")
    expect(errors).to_have_count(3)
    person.page.locator(advanced).click()
    expect(person.field("8.seed")).not_to_be_visible()
    person.press()
    expect(errors).to_have_count(3)
    told = person.errors()
    assert set(told) == {"field-5-width", "field-5-height", "field-8-seed"}
    assert told["field-8-seed"] == "Enter a whole number."
    expect(person.field("8.seed")).to_be_visible()
    expect(person.entry("5.height")).to_have_attribute("aria-invalid", "true")
