"""Presets as files."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.support.visitor import Site, Visit

DROP = """([name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name, { type: "application/json" }));
    document.body.dispatchEvent(
        new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def test_a_preset_is_downloaded_and_added(fast: Site, visit: Visit) -> None:
    """The file holds the values. Added from the menu or dropped on the page, it overwrites nothing.
    A preset of another form is refused."""
    person = visit(fast).open(**{"2.text": "cats at night"})
    menu, page = person.page.locator("#presets"), person.page
    person.for_form("Save or apply presets…")
    menu.get_by_label("Name", exact=True).fill("Night")
    menu.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as info:
        menu.get_by_role("button", name="More: Night").click()
        menu.get_by_role("menuitem", name="Download").click()
    path = Path(info.value.path())
    assert info.value.suggested_filename == "Night.preset.json"
    assert json.loads(path.read_text())["values"]["2.text"] == "cats at night"
    with page.expect_file_chooser() as chooser:
        menu.get_by_role("button", name="Add from a file…").click()
    chooser.value.set_files(path)
    expect(menu.get_by_role("button", name="Apply: Night (2)", exact=True)).to_be_visible()
    longest = "Client look, warm light, harbor and lighthouse at dusk 12345"
    name = menu.get_by_label("Name", exact=True)
    name.fill(f"{longest}67")
    expect(menu.get_by_role("status")).to_have_text("A name has at most 60 characters.")
    menu.get_by_role("button", name="Save", exact=True).click()
    expect(menu.get_by_role("button", name=f"Apply: {longest}", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    added = {"comfyforms_preset": 1, "name": longest, "values": {"2.text": "a"}}
    page.evaluate(DROP, ["long.json", json.dumps(added)])
    expect(page.locator("#stage")).to_contain_text(f"{longest[:56]} (2) is saved.")
    person.type("2.text", "a dog")
    page.evaluate(DROP, ["night.json", path.read_text()])
    expect(page.locator("#stage")).to_contain_text("Night (3) is saved.")
    page.locator("#stage").get_by_role("button", name="Use", exact=True).click()
    expect(page.locator("#field-2-text textarea")).to_have_value("cats at night")
    page.evaluate(DROP, ["x.json", '{"comfyforms_preset": 1, "name": "x", "values": {"99.a": 1}}'])
    expect(page.locator("#stage")).to_contain_text("This preset doesn't fit this form.")
