"""Forms that their authors edit in the browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.form_editor.editing import Author, settings_of
from tests.support.visitor import Site, Visit


def test_an_author_shapes_a_form(editable: Site, visit: Visit) -> None:
    """The form shows each change at once, beside the stage. Other users see a draft once it is
    published. A size is one row, and Esc closes the row and then the editor."""
    author = Author(visit(editable).open("text-to-image")).open()
    page, editor = author.page, author.editor
    editor.get_by_label("Title", exact=True).fill("Harbor pictures")
    expect(page.locator("#heading h1")).to_have_text("Harbor pictures")
    author.unfold("2.text").get_by_label("Name").fill("Scene")
    expect(author.labels().first).to_have_text("Scene")
    author.row("3.text").locator(".name").press("Alt+ArrowUp")
    expect(author.labels().first).to_have_text("Negative prompt")
    assert author.keys()[:2] == ["3.text", "2.text"]
    steps = author.unfold("5.steps")
    steps.get_by_label("Maximum").fill("40")
    editor.get_by_role("button", name="Hide “Seed”").click()
    expect(page.locator("#field-5-seed")).to_have_count(0)
    expect(editor.get_by_role("button", name="Aspect ratio", exact=True)).to_be_visible()
    expect(author.row("4.height")).to_have_count(0)
    expect(page.locator("#stage")).to_be_in_viewport()
    editor.get_by_role("button", name="Save draft").click()
    author.says("Draft saved")
    assert not Path(editable.services.folder.path, "text-to-image.toml").exists()
    page.keyboard.press("Escape")
    expect(author.row("5.steps").locator(".name")).to_be_focused()
    page.keyboard.press("Escape")
    expect(editor).to_have_count(0)
    expect(page.locator("#heading h1")).to_have_text("Text to image")
    author.open()
    expect(editor.get_by_label("Title", exact=True)).to_have_value("Harbor pictures")
    author.publish()
    author.person.unfold()
    expect(page.locator("#field-5-steps")).to_be_visible()

    editor.get_by_role("button", name="Close", exact=True).click()
    expect(editor).to_have_count(0)
    saved = settings_of(editable, "text-to-image")
    assert saved["title"] == "Harbor pictures"
    fields = saved["fields"]
    assert [*fields][:2] == ["Negative prompt.text", "Positive prompt.text"]
    assert fields["Positive prompt.text"] == {"label": "Scene"}
    assert fields["Sampler.steps"] == {"group": "advanced", "max": 40}
    assert fields["Sampler.seed"] == {"hidden": True}

    author.person.open("text-to-image")
    expect(page.locator("#heading h1")).to_have_text("Harbor pictures")
    expect(author.labels().nth(1)).to_have_text("Scene")
