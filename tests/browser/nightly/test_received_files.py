"""Files that the installed app gets from other apps."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests.browser.test_login import CONTROLLED
from tests.support.serving import WORKFLOWS
from tests.support.visitor import Site, Visit

INSTALLED = """
const media = window.matchMedia.bind(window);
window.matchMedia = (query) => media(query.includes("display-mode") ? "all" : query);
"""
SHARE = """([name, text]) => {
    const form = document.createElement("form");
    form.method = "POST";
    form.enctype = "multipart/form-data";
    form.action = "./share-target";
    const input = document.createElement("input");
    Object.assign(input, { type: "file", name: "file" });
    const data = new DataTransfer();
    data.items.add(new File([text], name, { type: "application/json" }));
    input.files = data.files;
    form.append(input);
    document.body.append(form);
    form.submit();
}"""


def test_a_shared_workflow_opens(fast: Site, visit: Visit) -> None:
    """Another app's share target request opens the page with the workflow, once. Nothing is kept.
    Chromium sends the same request as this form."""
    person = visit(fast, service_workers="allow")
    page = person.page
    page.add_init_script(INSTALLED)
    person.open()
    page.wait_for_function(CONTROLLED)
    prompt = json.loads((WORKFLOWS / "text-to-image.json").read_text(encoding="utf-8"))
    prompt["2"]["inputs"]["text"] = "a shared cat"
    with page.expect_navigation():
        page.evaluate(SHARE, ["shared cat.json", json.dumps(prompt)])
    expect(page.locator("#heading h1")).to_have_text("shared cat", ignore_case=True)
    expect(person.entry("2.text")).to_have_value("a shared cat")
    assert page.evaluate("caches.keys()") == []
