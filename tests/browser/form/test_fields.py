"""The form's fields: valid input, errors on the field, and how the form keeps values."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.form.test_reset import PHOTO
from tests.support.visitor import Site, Visitor

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
