"""A batch on the page: from the dialog to its card, its sheet, and back into the form."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.support.batch_dialog import (
    SMALL,
    begin_batch,
    card_of,
    values_of_row,
    vary,
    vary_row,
)
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
SPEC = {
    "axes": [
        {"field": "2.text", "text": "a red boat\na green boat"},
        {"field": "5.steps", "text": "1..3"},
    ]
}
VALUES = {**SMALL, "5.seed": 41}


def test_the_dialog_starts_a_batch_of_form_values(fast: Site, visit: Visit) -> None:
    """The dialog starts with the form's own text, seed and selected choices, and shows the number
    of runs. The batch's sheet opens automatically. Closing it leads to the card, which alone
    reports that the runs are done: they leave the stage as it is."""
    person = visit(fast).open(**SMALL)
    page = person.page
    person.keep_seed(41)
    page.locator(".seed-mode input[value=counting]").check()
    dialog = vary(person)
    text = values_of_row(dialog, "Prompt")
    expect(text).to_have_value(person.entry("2.text").input_value())
    text.fill("a red boat\na green boat")
    values_of_row(dialog, "Steps").fill("1..3")
    sampler = vary_row(dialog, "Sampler")
    expect(sampler.locator(".choice-list label").first).to_have_text("dpmpp_2m")
    expect(sampler.locator(".choice-list input").first).to_be_checked()
    sampler.get_by_label("heun", exact=True).check()
    expect(sampler).to_contain_text(re.compile(r"2 of \d+ selected"))
    sampler.get_by_label("dpmpp_2m", exact=True).uncheck()
    expect(sampler).to_contain_text(re.compile(r"1 of \d+ selected"))
    expect(dialog.locator(".estimate")).to_contain_text("6 runs")
    begin_batch(dialog, 6)
    expect(page.locator("#spoken")).to_have_text("The batch has started.")
    card = card_of(person)
    expect(card).to_be_attached()  # behind the sheet, once the news of the batch has come
    page.keyboard.press("Escape")
    expect(page.locator("dialog.sheet")).to_have_count(0)
    expect(card.get_by_role("button", name="Open", exact=True)).to_be_focused()
    expect(card).to_contain_text("Finished: 6 of 6 done")
    expect(card.locator("strong")).to_contain_text("Text to image · Prompt a red boat, ")
    assert not page.locator("#stage .stage").get_attribute("data-run")
    expect(page.locator("#stage .empty")).to_contain_text("Your latest result")
    expect(page.locator("#stage .headline")).to_be_empty()
    expect(page.get_by_role("button", name="Show the batch")).to_have_count(0)
    sent = [fast.prompt_of(run.id)["5"]["inputs"] for run in fast.app.runs.known()[-6:]]
    assert {(inputs["seed"], inputs["sampler_name"]) for inputs in sent} == {(41, "heun")}
