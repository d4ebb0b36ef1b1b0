"""The negative prompt, folded below the prompt unless it is filled."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.visitor import Site, Visit


def test_the_negative_prompt_is_folded(fast: Site, visit: Visit) -> None:
    """It previews the author's text, which the run uses. The keyboard opens it. A user's own text
    stays open after a reload; the author's text folds again."""
    person = visit(fast).open("text-to-image", **{"5.steps": 1})
    page, entry = person.page, person.entry("3.text")
    fold = page.get_by_role("button", name="Negative prompt", exact=False).and_(
        page.locator(".fold")
    )
    expect(entry).to_be_hidden()
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(fold).to_have_accessible_name("Negative prompt blurry, text, watermark")
    run = person.generate()
    assert fast.prompt_of(run)["3"]["inputs"]["text"] == "blurry, text, watermark"
    fold.press("Enter")
    expect(entry).to_be_focused()
    page.keyboard.insert_text("fog, ")
    expect(page.get_by_role("button", name="Reset: Negative prompt")).to_be_visible()
    page.reload()
    person.ready()
    expect(entry).to_be_visible()
    person.for_form("Reset")
    expect(entry).to_have_value("blurry, text, watermark")
    page.reload()
    person.ready()
    expect(entry).to_be_hidden()
    person.leave()
