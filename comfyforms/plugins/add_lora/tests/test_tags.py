"""LoRAs that a prompt names as other front ends write them."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.visitor import Site, Visit


def test_a_tag_becomes_a_row(fast: Site, visit: Visit) -> None:
    """The button names it. The run has the loader and the prompt without the tag; Undo brings the
    tag back. A LoRA that the server lacks stays in the prompt."""
    person = visit(fast).open(**{"2.text": "a boat <lora:demo-ink-lines:0.8>, at night"})
    offers = person.page.locator("#field-2-text .lora-tags")
    use = offers.get_by_role("button", name="Use as LoRA: demo-ink-lines", exact=True)
    use.click()
    expect(person.entry("2.text")).to_have_value("a boat, at night")
    expect(offers).to_be_hidden()
    prompt = fast.prompt_of(person.generate())
    (loader,) = (one for one in prompt.values() if one["class_type"] == "LoraLoader")
    assert loader["inputs"]["lora_name"] == "demo-ink-lines.safetensors"
    assert loader["inputs"]["strength_model"] == 0.8
    person.type("2.text", "a boat <lora:nowhere:1>")
    offers.get_by_role("button", name="Use as LoRA: nowhere", exact=True).click()
    said = person.page.locator("#field-2-text .field-error")
    expect(said).to_have_text("The server has no LoRA “nowhere”.")
    expect(person.entry("2.text")).to_have_value("a boat <lora:nowhere:1>")
