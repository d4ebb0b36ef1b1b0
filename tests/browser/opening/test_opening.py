"""Workflows that users open on the page, and a workflow folder that changes while the page is
open."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests.support.brought import give, own_prompt
from tests.support.visitor import Site, Visit

DRAG_OVER = """() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["{}"], "a.json", { type: "application/json" }));
    const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
    document.querySelector("#heading").dispatchEvent(new DragEvent("dragover", options));
}"""
IDS = "() => [...document.querySelectorAll('#form [id]:not([id=\"\"])')].map(({ id }) => id)"


def test_a_form_with_problems_after_one_without(fast: Site, visit: Visit) -> None:
    """Its note has its own place: what the former form had there leaves no id behind, and its
    menu can be opened. The stage offers no list of missing parts, as none is missing."""
    person = visit(fast).open("text-to-image")
    prompt = own_prompt()
    del prompt["7"]["inputs"]["images"]
    give(person.page, json.dumps(prompt).encode(), "unfinished.json")
    expect(person.page.locator("#form [role=note]")).to_contain_text("isn't connected")
    expect(person.page.locator("#form-menu")).to_have_count(1)
    ids = person.page.evaluate(IDS)
    assert [one for one in {*ids} if ids.count(one) > 1] == []
    expect(person.page.locator("#stage .state-card")).to_contain_text("isn't connected")
    expect(person.page.get_by_role("button", name="See what's missing")).to_have_count(0)
    person.page.get_by_role("button", name="Form actions").click()
    expect(person.page.get_by_role("menuitem", name="Reset", exact=True)).to_be_visible()


def test_a_dropped_file_opens_its_form(fast: Site, visit: Visit) -> None:
    """The form has the values of the file's workflow, which then runs."""
    person = visit(fast).open("upscale")
    prompt = own_prompt("a brought text")
    prompt["5"]["inputs"]["steps"] = 1
    give(person.page, json.dumps(prompt).encode(), "brought.json")
    expect(person.entry("2.text")).to_have_value("a brought text")
    expect(person.page.locator("#opened-here")).to_be_visible()
    assert fast.prompt_of(person.generate())["2"]["inputs"]["text"] == "a brought text"
