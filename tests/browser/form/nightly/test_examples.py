"""Examples of our workflows in the reader's language."""

from __future__ import annotations

from playwright.sync_api import expect

from comfy.base.messages import Message
from tests.support.visitor import Site, Visit
from ui.languages.catalogs import Languages

HARBOR = "a small harbor town at first light, fishing boats, calm sea, soft colors"
LIGHTHOUSE = "a red lighthouse on a cliff at dusk, calm sea, warm light"


def test_examples_are_in_the_readers_language(fast: Site, visit: Visit) -> None:
    """Prompt, negative prompt and ideas are translated. The server gets the text in the field, and
    Reset returns to it. An unchanged prompt follows the chosen language. A typed one stays. Programs
    get the workflow's own text."""
    german, french = (Languages().all[tag] for tag in ("de", "fr"))
    harbor, lighthouse = (german.text(Message(one)) for one in (HARBOR, LIGHTHOUSE))
    person = visit(fast, locale="de-DE").open(**{"5.steps": 1})
    page, prompt = person.page, person.entry("2.text")
    expect(prompt).to_have_value(harbor)
    expect(page.locator("#field-3-text")).to_be_hidden()
    expect(page.locator("#fold-field-3-text")).to_contain_text("unscharf, Text, Wasserzeichen")
    inputs = fast.prompt_of(person.generate())
    assert inputs["2"]["inputs"]["text"] == harbor
    assert inputs["3"]["inputs"]["text"] == "unscharf, Text, Wasserzeichen"
    person.turn_to("inpaint").turn_to("text-to-image")
    prompt.fill("etwas anderes")
    prompt.blur()
    person.field("2.text").locator(".put-back").click()
    expect(prompt).to_have_value(harbor)
    page.locator(".colophon summary").click()
    page.locator(".colophon select").select_option("fr")
    expect(prompt).to_have_value(french.text(Message(HARBOR)))
    page.locator(".colophon summary").click()
    prompt.fill(lighthouse)
    prompt.blur()
    page.locator(".colophon select").select_option("en")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(prompt).to_have_value(lighthouse)
    _, form = fast.services.forms.form("text-to-image", "")
    assert form.field("2.text").to_json()["default"] == HARBOR
