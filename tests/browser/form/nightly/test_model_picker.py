"""The picker of models, with a thousand LoRAs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from comfyui_standin import DemoModel
from tests.model_files.model_server import lora_server, lora_workflow, picture
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor

COUNT = 1000
FIRST = "lora 0000.safetensors"
LORA, PROMPT = "10.lora_name", "6.text"
FOLDERS = ("", "styles/", "people/")


def name_of(number: int) -> str:
    return f"{FOLDERS[number % 3]}lora {number:04d}.safetensors"


@pytest.fixture
def site(tmp_path: Path, nothing_left_behind: None) -> Iterator[Site]:
    """Run a site whose LoRA field has a thousand choices."""
    words = {"modelspec.trigger_phrase": "ink drawing, thin lines", "modelspec.title": "<i>Ink"}
    headers = {
        0: {"ss_base_model_version": "sd_v1"},
        1: words,
        2: {"ss_base_model_version": "sdxl_base_v1-0"},
        3: {"ss_base_model_version": "sd_v1"},
    }
    loras = {
        name_of(number): DemoModel(1_000_000, headers.get(number, {}), picture if number else None)
        for number in range(COUNT)
    }
    folder = lora_workflow(tmp_path, FIRST)
    with lora_server(loras) as demo, running_app(demo.url, workflows=folder) as app:
        yield Site(app.url, demo, app)


@pytest.fixture
def person(site: Site, visit: Visit) -> Iterator[Visitor]:
    """Yield a user with the open form and the unfolded LoRA field."""
    person = visit(site)
    person.open("lora")
    person.unfold()
    yield person
    person.leave()


def opened(person: Visitor) -> Locator:
    person.field(LORA).get_by_role("button", name="Browse models").click()
    picker = person.page.get_by_role("dialog", name="LoRA")
    expect(picker.get_by_role("status")).to_have_text("1,000 models")
    return picker


def test_a_model_is_found_and_used(person: Visitor) -> None:
    """The list of the form keeps the value, and the focus returns to the button."""
    picker = opened(person)
    expect(picker.get_by_role("searchbox")).to_be_focused()
    expect(picker.locator(".model[aria-selected=true]")).to_have_attribute("title", FIRST)
    picker.get_by_role("searchbox").fill("styles 0001")
    expect(picker.locator(".model")).to_have_count(1)
    picker.locator(".model").click()
    expect(picker.get_by_role("complementary")).to_contain_text("<i>Ink")
    picker.get_by_role("button", name="Use this model").click()
    expect(picker).to_have_count(0)
    expect(person.entry(LORA)).to_have_value("lora 0001")
    expect(person.field(LORA).get_by_role("button", name="Browse models")).to_be_focused()
    again = opened(person)
    again.get_by_role("button", name="Recently used").click()
    expect(again.locator(".model")).to_have_count(1)
    person.page.keyboard.press("Escape")
    expect(again).to_have_count(0)
    run_id = person.generate()
    prompt = person.site.prompt_of(run_id)
    assert prompt["10"]["inputs"]["lora_name"] == name_of(1)


def test_trigger_words_are_added_and_removed(person: Visitor) -> None:
    """A word that the prompt has is pressed already."""
    person.entry(PROMPT).fill("a boat, ink drawing")
    picker = opened(person)
    picker.get_by_role("searchbox").fill("styles 0001")
    picker.locator(".model").click()
    there, added = (picker.get_by_role("button", name=one) for one in ("ink drawing", "thin lines"))
    expect(there).to_have_attribute("aria-pressed", "true")
    added.click()
    expect(person.entry(PROMPT)).to_have_value("a boat, ink drawing, thin lines")
    added.click()
    expect(person.entry(PROMPT)).to_have_value("a boat, ink drawing")
    person.page.keyboard.press("Escape")


def test_favorites_are_kept(person: Visitor) -> None:
    """In this browser, with a filter of their own."""
    picker = opened(person)
    picker.get_by_role("searchbox").fill("styles 0001")
    picker.locator(".model").click()
    picker.get_by_role("button", name="Favorite", exact=True).click()
    person.page.keyboard.press("Escape")
    again = opened(person)
    again.get_by_role("button", name="Favorites").click()
    expect(again.locator(".model")).to_have_count(1)
    expect(again.locator(".model")).to_contain_text("★")
    again.get_by_role("button", name="All models").click()
    expect(again.get_by_role("status")).to_have_text("1,000 models")
    person.page.keyboard.press("Escape")


def test_models_for_another_base_model_are_left_out(person: Visitor) -> None:
    """The headers of their files tell it. One press shows them."""
    picker = opened(person)
    fitting = picker.get_by_role("button", name="Fits SD 1")
    expect(fitting).to_have_attribute("aria-pressed", "true")
    expect(picker.get_by_role("status")).to_have_text("999 models")
    picker.get_by_role("button", name="SDXL", exact=True).click()
    expect(picker.locator(".model")).to_have_count(1)
    picker.locator(".model").click()
    expect(picker.get_by_role("complementary")).to_contain_text("another base model")
    person.page.keyboard.press("Escape")


def test_a_model_without_an_image_has_the_newest_result(person: Visitor) -> None:
    """Only the user's own."""
    person.generate()
    picker = opened(person)
    card = picker.locator(".model[aria-selected=true]")
    expect(card.locator("[data-made='Your newest result'] img")).to_be_visible()
    person.page.keyboard.press("Escape")


def test_arrow_keys_reach_all_models(person: Visitor) -> None:
    """Only the cards near the view are on the page; Enter uses the selected model."""
    picker = opened(person)
    person.page.keyboard.press("ArrowDown")
    expect(picker.locator(".model[aria-selected=true]")).to_be_focused()
    person.page.keyboard.press("ArrowRight")
    expect(picker.locator(".model[aria-selected=true]")).to_have_attribute("aria-posinset", "2")
    person.page.keyboard.press("End")
    last = picker.locator(".model[aria-selected=true]")
    expect(last).to_have_attribute("aria-posinset", str(COUNT))
    expect(last).to_be_focused()
    assert picker.locator(".model").count() < 100
    person.page.keyboard.press("Enter")
    expect(person.entry(LORA)).to_have_value("lora 0999")


def test_images_appear_in_view_only(person: Visitor) -> None:
    """Each visible card loads its own."""
    picker = opened(person)
    expect(picker.locator(".model").nth(1).locator("img")).to_be_visible()
    assert person.site.demo.requests.total() < COUNT
    person.page.keyboard.press("Escape")
