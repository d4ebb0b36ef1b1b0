"""Resetting to the author's values and undoing it, and the initial values after a reload and in
other tabs."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.form.nightly.test_held import PHOTO
from tests.browser.form.test_reset import Visit, resets
from tests.support.serving import running_app
from tests.support.visitor import Site


def test_an_unlimited_number_shows_its_reset_only_after_an_edit(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """A whole number without limits counts as changed only between the user's edit and its
    reset."""
    prompt = {
        "1": {"class_type": "PrimitiveInt", "inputs": {"value": 640}},
        "2": {"class_type": "Unknown", "inputs": {"width": ["1", 0]}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    (tmp_path / "wide.json").write_text(json.dumps(prompt))
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        person = visit(Site(app.url, fast.demo, app)).open("wide")
        expect(person.entry("1.value")).to_have_value("640")
        expect(resets(person)).to_have_count(0)
        person.type("1.value", "64")
        expect(resets(person)).to_have_count(1)
        resets(person).click()
        expect(person.entry("1.value")).to_have_value("640")
        expect(resets(person)).to_have_count(0)
        person.leave()


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
    undo = person.page.locator("#replaced button").first
    expect(undo).to_be_hidden()
    person.for_form("Reset")
    expect(resets(person)).to_have_count(0)
    expect(image.locator("img")).not_to_have_attribute("src", own)
    expect(undo).to_have_text("Undo")
    undo.click()
    expect(person.entry("2.text")).to_have_value("a cat")
    expect(person.entry("8.seed")).to_have_value("7")
    expect(person.page.locator(".seed-mode input[value=random]")).not_to_be_checked()
    expect(image.locator("img")).to_have_attribute("src", re.compile(r"upscale\.webp$"))
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
    assert "upscale" in sent["4"]["inputs"]["image"]


def test_a_new_tab_has_the_newest_values(fast: Site, visit: Visit) -> None:
    """A new tab of the same workflow starts with the values typed in the other tab. Then each tab
    keeps its own values, also after a reload."""
    person = visit(fast).open(**{"5.steps": 7})
    person.type("2.text", "a cat\nin two lines")
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
