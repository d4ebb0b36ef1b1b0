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


def test_a_dropped_file_opens_its_form(fast: Site, visit: Visit) -> None:
    """The form has the values of the file's workflow, which then runs."""
    person = visit(fast).open("upscale")
    prompt = own_prompt("a brought text")
    prompt["5"]["inputs"]["steps"] = 1
    give(person.page, json.dumps(prompt).encode(), "brought.json")
    expect(person.entry("2.text")).to_have_value("a brought text")
    expect(person.page.locator("#opened-here")).to_be_visible()
    assert fast.prompt_of(person.generate())["2"]["inputs"]["text"] == "a brought text"
