"""A batch on the page: from the dialog to its card, its sheet, and back into the form."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.batch_dialog import SMALL, begin_batch, card_of, values_of_row, vary
from tests.support.visitor import Site, Visit

SPEC = {
    "axes": [
        {"field": "2.text", "text": "a red boat\na green boat"},
        {"field": "5.steps", "text": "1..3"},
    ]
}
VALUES = {**SMALL, "5.seed": 41}


def test_the_dialog_starts_a_batch(fast: Site, visit: Visit) -> None:
    """The dialog starts with the form's own text. The batch's sheet opens automatically and shows
    each result. Closing it leads to the card."""
    person = visit(fast).open(**SMALL)
    page = person.page
    dialog = vary(person)
    text = values_of_row(dialog, "Prompt")
    expect(text).to_have_value(person.entry("2.text").input_value())
    text.fill("a red boat\na green boat")
    begin_batch(dialog, 2)
    expect(page.locator("dialog.sheet .grid-cell .result img")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(page.locator("dialog.sheet")).to_have_count(0)
    expect(card_of(person)).to_contain_text("2 of 2 done")
    sent = [fast.prompt_of(run.id)["2"]["inputs"] for run in fast.app.runs.known()[-2:]]
    assert {inputs["text"] for inputs in sent} == {"a red boat", "a green boat"}
