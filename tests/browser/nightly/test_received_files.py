"""Files that the installed app gets from other apps."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests.browser.test_embedding import wiki
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
    asks = page.locator("#confirm")
    expect(asks).to_contain_text("Open “shared cat.json”, which another app shared?")
    asks.get_by_role("button", name="Open", exact=True).click()
    expect(page.locator("#heading h1")).to_have_text("shared cat", ignore_case=True)
    expect(person.entry("2.text")).to_have_value("a shared cat")
    assert page.evaluate("caches.keys()") == []


def test_a_form_of_another_site_leaves_no_files(fast: Site, visit: Visit) -> None:
    """Its request reaches the service worker too. In a browser tab, no shared files are kept."""
    person = visit(fast, service_workers="allow")
    page = person.page
    person.open()
    page.wait_for_function(CONTROLLED)
    with page.expect_navigation():
        page.evaluate(SHARE, ["a.json", "{}"])
    page.wait_for_function("caches.keys().then(keys => !keys.length)")
    page.add_init_script(INSTALLED)
    with wiki() as other:
        page.goto(f"http://127.0.0.1:{other.server_port}")
        sends = SHARE.replace("./share-target", f"{fast.url}/share-target")
        with page.expect_navigation():
            page.evaluate(sends, ["a.json", "{}"])
    expect(page.locator("#generate")).to_be_enabled()
    expect(page.locator("#confirm")).to_have_count(0)
    page.wait_for_function("caches.keys().then(keys => !keys.length)")
