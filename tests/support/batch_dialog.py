"""Start and open a batch on the page."""

from __future__ import annotations

from collections.abc import Mapping

from playwright.sync_api import Locator, expect

from tests.support.visitor import Visitor

SMALL = {"4.width": 256, "4.height": 256}


def vary(person: Visitor) -> Locator:
    """Open the dialog that varies values."""
    person.page.locator("#many-button").click()
    person.page.locator("#vary").click()
    dialog = person.page.locator("dialog.vary")
    expect(dialog).to_be_visible()
    return dialog


def set_runs(person: Visitor, runs: int) -> None:
    """Set the number of runs that Generate starts."""
    person.page.locator("#many-button").click()
    person.page.get_by_label("Runs", exact=True).fill(str(runs))
    person.page.keyboard.press("Escape")


def set_images(person: Visitor, images: int) -> None:
    """Set the number of images per run."""
    person.page.locator("#many-button").click()
    person.page.locator("#many-images").fill(str(images))
    person.page.keyboard.press("Escape")


def vary_row(dialog: Locator, field: str) -> Locator:
    """Return the row of a field; add the row if the dialog doesn't have it."""
    row = dialog.locator(".vary-rows").get_by_role("group", name=field, exact=True)
    if not row.count():
        dialog.get_by_role("button", name="Add a field").click()
        dialog.locator(".vary-rows > :last-child select").first.select_option(label=field)
    return row


def values_of_row(dialog: Locator, field: str) -> Locator:
    """Return the input for the values of a field."""
    return vary_row(dialog, field).get_by_role("textbox", name=field)


def start_batch(dialog: Locator, runs: int) -> None:
    """Start the batch once its button shows this number of runs, and close its sheet."""
    begin_batch(dialog, runs)
    sheet = dialog.page.locator("dialog.sheet")
    dialog.page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


def begin_batch(dialog: Locator, runs: int) -> None:
    """Start the batch once its button shows this number of runs, and wait until its sheet opens."""
    dialog.get_by_role("button", name=f"Start ×{runs:,}", exact=True).click()
    expect(dialog).to_have_count(0)
    expect(dialog.page.locator("dialog.sheet")).to_be_visible()


def post_batch(person: Visitor, spec: Mapping[str, object], **values: object) -> Locator:
    """Start a batch of text to image over the API, and return its card."""
    address = f"{person.site.url}/api/v1/workflows/text-to-image/batches"
    answer = person.page.request.post(address, data={"values": values, **spec})
    assert answer.ok, answer.text()
    return card_of(person)


def finished_batch(person: Visitor, spec: Mapping[str, object], **values: object) -> Locator:
    """Start a batch of text to image over the API, wait until the page shows its end, and return
    its card."""
    card = post_batch(person, spec, **values)
    expect(card).to_have_attribute("data-state", "done")
    return card


def card_of(person: Visitor) -> Locator:
    return person.page.locator("#batches .batch")


def open_sheet(person: Visitor, view: str = "Table") -> Locator:
    """Open the only card's batch in this view."""
    card_of(person).get_by_role("button", name="Open", exact=True).click()
    sheet = person.page.locator("dialog.sheet")
    expect(sheet).to_be_visible()
    sheet.get_by_role("button", name=view, exact=True).click()
    return sheet
