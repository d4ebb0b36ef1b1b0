"""Back to the author's values, and back from there; and what other tabs of the person start with."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.support.serving import WORKFLOWS
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
PHOTO = WORKFLOWS.parent / "tests" / "screenshot.png"


def resets(person: Visitor) -> Locator:
    """The buttons beside the labels of changed fields."""
    return person.page.locator(".put-back")


def test_one_field_is_reset(fast: Site, visit: Visit) -> None:
    """A changed field, of any kind, has a button beside its label that puts back the author's value,
    which it tells; one in a section that is folded has it when that is unfolded."""
    person = visit(fast).open()
    expect(resets(person)).to_have_count(0)
    before = person.entry("2.text").input_value()
    person.type("2.text", "a cat")
    person.type("5.steps", "13")
    person.unfold()
    person.entry("5.sampler_name").fill("heun")
    person.page.get_by_role("option", name="heun", exact=True).click()
    expect(resets(person)).to_have_count(3)
    steps = person.page.get_by_role("button", name="Reset Steps")
    expect(steps).to_have_attribute("title", "The author\N{RIGHT SINGLE QUOTATION MARK}s value: 24")
    steps.click()
    expect(person.entry("5.steps")).to_have_value("24")
    expect(person.entry("2.text")).to_have_value("a cat")
    person.page.get_by_role("button", name="Reset Sampler").click()
    expect(person.entry("5.sampler_name")).to_have_value("dpmpp_2m")
    expect(resets(person)).to_have_count(1)
    person.page.reload()
    person.ready()
    person.page.get_by_role("button", name="Reset Prompt").click()
    expect(person.entry("2.text")).to_have_value(before)
    expect(resets(person)).to_have_count(0)


def test_a_reset_is_undone(fast: Site, visit: Visit) -> None:
    """Undo brings back all that was in the form, its files and seeds included, and what was typed
    between comes back when it is pressed again."""
    person = visit(fast).open("image-to-image")
    person.type("2.text", "a cat")
    person.keep_seed(7, "8.seed")
    image = person.field("4.image")
    image.locator("input[type=file]").set_input_files(PHOTO)
    expect(person.page.get_by_role("button", name="Reset Your image")).to_be_visible()
    own = str(image.locator("img").get_attribute("src"))
    undo = person.page.locator("#undo-reset")
    expect(undo).to_be_hidden()
    person.page.get_by_role("button", name="Reset", exact=True).click()
    expect(resets(person)).to_have_count(0)
    expect(image.locator("img")).not_to_have_attribute("src", own)
    person.type("2.text", "a dog")
    expect(undo).to_have_text("Undo reset")
    undo.click()
    expect(person.entry("2.text")).to_have_value("a cat")
    expect(person.entry("8.seed")).to_have_value("7")
    expect(person.page.locator(".seed-mode input[value=random]")).not_to_be_checked()
    expect(image.locator("img")).to_have_attribute("src", own)
    expect(undo).to_have_text("Redo reset")
    undo.click()
    expect(person.entry("2.text")).to_have_value("a dog")
    undo.click()
    expect(person.entry("2.text")).to_have_value("a cat")
    run_id = person.generate()
    sent = fast.prompt_of(run_id)
    assert (sent["2"]["inputs"]["text"], sent["8"]["inputs"]["seed"]) == ("a cat", 7)
    assert "screenshot" in sent["4"]["inputs"]["image"]


def test_a_new_tab_starts_with_the_newest_values(fast: Site, visit: Visit) -> None:
    """What was typed in one tab is in a new one of the same workflow; then each goes on for itself,
    reloads included."""
    first = visit(fast).open()
    first.type("2.text", "from the first")
    second = first.another_tab()
    expect(second.entry("2.text")).to_have_value("from the first")
    second.type("2.text", "from the second")
    first.type("5.steps", "7")
    first.page.reload()
    first.ready()
    expect(first.entry("2.text")).to_have_value("from the first")
    second.page.reload()
    second.ready()
    expect(second.entry("2.text")).to_have_value("from the second")
    expect(second.entry("5.steps")).to_have_value("24")
    third = first.another_tab()
    expect(third.entry("5.steps")).to_have_value("7")
    for one in (second, third):
        one.page.close()
