"""The workflow that the app opens, and how users find theirs again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.support.brought import give, own_prompt
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]


def test_the_first_visit_and_later_ones(fast: Site, visit: Visit) -> None:
    """The first visit opens the workflow that its author has put first. Later visits open the
    workflow that the user used last. Typed text and Back work as with any other address. The form
    has the author's values, and the user can generate with it."""
    person = visit(fast)
    heading = person.page.locator("#heading h1")
    person.page.goto(fast.url)
    expect(heading).to_have_text("Text to image")
    expect(person.page).to_have_url(re.compile("workflow=text-to-image"))
    person.type("2.text", "typed on the first visit")
    person.choose("Upscale")
    expect(heading).to_have_text("Upscale")
    assert urlsplit(person.page.url).query == "workflow=upscale"
    expect(person.entry("2.text")).to_have_value("sharp, finely detailed")
    expect(person.page.locator("#generate")).to_be_enabled()
    expect(person.page.locator("#server")).to_contain_text("not connected to ComfyUI")
    person.page.go_back()
    expect(heading).to_have_text("Text to image")
    expect(person.entry("2.text")).to_have_value("typed on the first visit")
    person.turn_to("upscale")
    person.page.goto(fast.url)
    expect(heading).to_have_text("Upscale")
    expect(person.page).to_have_url(re.compile("workflow=upscale"))
    person.page.evaluate("localStorage.setItem('comfyforms.recent', '[\"gone\"]')")
    person.page.goto(fast.url)
    expect(heading).to_have_text("Text to image")


def lacking() -> dict[str, Any]:
    """Return a workflow that needs a node and, in two places, a model that the server doesn't
    have."""
    made = own_prompt()
    made["1"]["inputs"]["ckpt_name"] = "gone.safetensors"
    made["11"] = json.loads(json.dumps(made["1"]))
    made["15"] = json.loads(json.dumps(made["5"]))
    made["15"]["inputs"]["model"] = ["11", 0]
    made["5"]["inputs"]["latent_image"] = ["15", 0]
    made["20"] = {"class_type": "NodeOfAPack", "inputs": {"image": ["6", 0]}}
    return made


def test_missing_nodes_and_models_share_one_card(fast: Site, visit: Visit) -> None:
    """One line says how much is missing, and counts each file once. Its dialog lists the parts, and
    the user can copy the list. Generate is off, with the reason beside it, until the user chooses a
    workflow that can run."""
    person = visit(fast).open()
    give(person.page, json.dumps(lacking()).encode(), "lacking.json")
    card = person.page.locator("#missing")
    expect(card.get_by_text("Can't run here: 1 node and 1 model are missing.")).to_be_visible()
    expect(card).to_contain_text("only runs the demo workflows")
    expect(card.get_by_role("listitem")).to_have_count(0)
    expect(person.page.locator("#why-off")).to_have_text("This workflow can't run here.")
    for width, height in ((390, 844), (1440, 900)):
        person.page.set_viewport_size({"width": width, "height": height})
        expect(person.page.locator("#why-off")).to_be_in_viewport(ratio=1)
    expect(person.page.locator("#generate")).to_be_disabled()
    notifies = person.page.get_by_label("Notify me when a run is done")
    expect(notifies).to_be_hidden()
    card.get_by_role("button", name="Details").click()
    expect(card.get_by_role("listitem")).to_have_text(
        [re.compile("NodeOfAPack"), re.compile("gone")]
    )
    person.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    card.get_by_role("button", name="Copy list").click()
    expect(card.get_by_role("button", name="Copied")).to_be_visible()
    person.page.keyboard.press("Escape")
    expect(card.get_by_role("dialog")).to_be_hidden()
    person.entry("2.text").fill("")
    person.entry("2.text").press("Control+v")
    expect(person.entry("2.text")).to_have_value(
        "Missing node: NodeOfAPack\nMissing model: gone.safetensors"
    )
    person.turn_to("upscale")
    expect(person.page.locator("#generate")).to_be_enabled()
    expect(person.page.locator("#why-off")).to_be_hidden()
    expect(notifies).to_be_visible()
