"""The workflow that the app opens, and how users find theirs again."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import Any

from PIL import Image
from playwright.sync_api import FilePayload, expect

from tests.browser.opening.test_choosing import Visit
from tests.support.brought import give, image_with, own_prompt
from tests.support.visitor import Site, Visitor


def test_an_opened_workflow_is_private(fast: Site, visit: Visit) -> None:
    """The user who opened a workflow finds it in the list. Its address doesn't work for other
    users, and the page explains this beforehand."""
    person, other = visit(fast).open(), visit(fast)
    give(person.page, json.dumps(own_prompt("private")).encode(), "mine.json")
    expect(person.entry("2.text")).to_have_value("private")
    expect(person.workflows()).to_contain_text("Mine")
    person.page.get_by_role("button", name="Form actions").click()
    expect(person.page.get_by_role("menuitem", name="Save or apply presets…")).to_be_visible()
    expect(person.page.get_by_role("menuitem", name="Copy link to these settings")).to_have_count(0)
    person.page.keyboard.press("Escape")
    badge = person.page.get_by_role("button", name="Private")
    expect(badge).to_have_attribute("title", re.compile("Links"))
    address = person.page.url
    person.turn_to("upscale")
    person.workflows().click()
    mine = person.page.get_by_role("group", name="Opened by me").get_by_role("option")
    expect(mine).to_have_text(re.compile("Mine"))
    mine.click()
    expect(person.entry("2.text")).to_have_value("private")
    expect(person.page).to_have_url(address)
    other.page.goto(address)
    expect(other.page.locator("#no-form")).to_contain_text("ask them for the file")
    other.workflows().click()
    expect(other.page.get_by_role("option", name="Upscale")).to_be_visible()
    expect(other.page.get_by_role("option", name="Mine")).to_have_count(0)


# A file is held over the page, then dropped where its zone has these words, or taken away again.
HOLD = """([data, name, type, words]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type }));
    const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
    const drag = (kind, target) => target.dispatchEvent(new DragEvent(kind, options));
    drag("dragover", document.querySelector("#heading"));
    const zones = [...document.querySelectorAll("#drop-zones > *")];
    const titles = zones.map((zone) => zone.querySelector("strong").textContent);
    const at = titles.indexOf(words);
    drag(at < 0 ? "dragleave" : "drop", at < 0 ? document.body : zones[at]);
    return titles;
}"""


def hold(person: Visitor, data: bytes, name: str, kind: str, words: str = "") -> list[str]:
    given = [base64.b64encode(data).decode(), name, kind, words]
    return list(person.page.evaluate(HOLD, given))


def test_a_file_held_over_the_page(fast: Site, visit: Visit) -> None:
    """For a file held over the page, the app offers to use it as the value of a field or to open
    its workflow. A photo without a workflow that the user drops beside the fields also becomes a
    value. Of several workflows the app opens the first, and of several images the field takes the
    first. The app says so and offers a run for each file."""
    person = visit(fast).open("image-to-image")
    field = person.field("4.image")
    photo, opens = image_with(), "Open its workflow"
    expect(person.page.get_by_role("button", name="Open a workflow")).to_be_visible()
    expect(field.locator("img")).to_be_visible()
    assert hold(person, b"{}", "a.json", "application/json") == [opens]
    expect(person.page.locator("#drop-zones")).to_have_count(0)
    use, other = hold(person, photo, "photo.png", "image/png")
    assert (use.startswith("Use as "), other) == (True, opens)
    hold(person, photo, "first.png", "image/png", use)
    expect(field.locator("img")).to_have_attribute("src", re.compile("first"))
    expect(person.page.locator("#drop-zones")).to_have_count(0)
    give(person.page, photo, "beside.png")
    expect(field.locator("img")).to_have_attribute("src", re.compile("beside"))
    expect(person.page.locator("#stage .headline")).not_to_contain_text("workflow")
    give(person.page, photo, "three.png", count=3)
    expect(field.locator("img")).to_have_attribute("src", re.compile("three"))
    said = person.page.locator("#stage .status")
    expect(said).to_contain_text("Only “three.png” was added. “Your image” accepts one file.")
    person.page.get_by_role("button", name="Try several values: 3 files").click()
    given = person.page.locator("dialog.vary .vary-row[data-field]")
    expect(given.get_by_role("button", name="Remove: three.png")).to_have_count(3)
    expect(given).to_have_count(1)
    person.page.keyboard.press("Escape")
    hold(person, json.dumps(own_prompt("dropped")).encode(), "b.json", "application/json", opens)
    expect(person.entry("2.text")).to_have_value("dropped")
    several = json.dumps(own_prompt("one of three")).encode()
    give(person.page, several, "c.json", count=3)
    expect(person.entry("2.text")).to_have_value("one of three")
    expect(person.page.locator("#stage .empty")).to_contain_text("Only the first of 3 files was")
    person.forgive("422")  # a refused request is written to every browser's console
    a_file_with_a_workflow_on_a_field(person.turn_to("image-to-image"))


DROP_ON = """([field, data, name, type]) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type }));
    const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
    for (const kind of ["dragover", "drop"])
        document.querySelector(field).dispatchEvent(new DragEvent(kind, options));
}"""


def a_file_with_a_workflow_on_a_field(person: Visitor) -> None:
    """Check that a photo with a workflow inside becomes the field's value and that a sentence
    offers its workflow. This applies to dropped and to chosen files. For a photo without a
    workflow, the page says nothing. A workflow file, which no image field takes, opens."""
    field, offer = person.field("4.image"), person.page.locator("#stage .offers button")
    expect(field.locator("img")).to_be_visible()

    def drop(data: bytes, name: str, kind: str) -> None:
        given = ["#field-4-image", base64.b64encode(data).decode(), name, kind]
        person.page.evaluate(DROP_ON, given)

    drop(image_with(), "plain.png", "image/png")
    expect(field.locator("img")).to_have_attribute("src", re.compile("plain"))
    expect(offer).to_have_count(0)
    drop(image_with(prompt=own_prompt("in a photo")), "made.png", "image/png")
    expect(field.locator("img")).to_have_attribute("src", re.compile("made"))
    headline = person.page.locator("#stage .headline")
    expect(headline).to_have_text("“made.png” contains a workflow.")
    offer.click()
    expect(person.entry("2.text")).to_have_value("in a photo")
    expect(headline).not_to_contain_text("made.png")

    person.turn_to("image-to-image")
    person.for_image("4.image", "Remove image")
    data = io.BytesIO()
    exif = Image.Exif()
    exif[0x110] = "prompt:" + json.dumps(own_prompt("a chosen one"))
    Image.new("RGB", (8, 8)).save(data, "WEBP", exif=exif)
    file = FilePayload(name="made.webp", mimeType="image/webp", buffer=data.getvalue())
    field.locator("input[type=file]").set_input_files(file)
    expect(headline).to_have_text("“made.webp” contains a workflow.")
    offer.click()
    expect(person.entry("2.text")).to_have_value("a chosen one")

    person.turn_to("image-to-image")
    drop(json.dumps(own_prompt("a document")).encode(), "b.json", "application/json")
    expect(person.entry("2.text")).to_have_value("a document")


def test_missing_nodes_and_models_share_one_card(fast: Site, visit: Visit) -> None:
    """One line says how much is missing, and counts each file once. Its dialog lists the parts, and
    the user can copy the list. The dialog is in the middle of the window. Generate is off, with the
    reason in its tooltip only, until the user chooses a workflow that can run."""
    person = visit(fast).open()
    give(person.page, json.dumps(lacking()).encode(), "lacking.json")
    card = person.page.locator("#missing")
    expect(card.get_by_text("Can't run here: 1 node and 1 model are missing.")).to_be_visible()
    expect(card).to_contain_text("demo server can't run this workflow")
    expect(card.get_by_role("listitem")).to_have_count(0)
    expect(person.page.locator("#why-off")).to_be_hidden()
    generate = person.page.locator("#generate")
    expect(generate).to_be_disabled()
    expect(generate).to_have_attribute("title", "Can't run here: 1 node and 1 model are missing.")
    for width, height in ((390, 844), (1440, 900)):
        person.page.set_viewport_size({"width": width, "height": height})
        card.get_by_role("button", name="Details").click()
        box = card.get_by_role("dialog").bounding_box()
        assert box
        assert abs(box["x"] + box["width"] / 2 - width / 2) <= 1
        assert abs(box["y"] + box["height"] / 2 - height / 2) <= 1
        person.page.keyboard.press("Escape")
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
