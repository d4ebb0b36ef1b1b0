"""The page and paid runs: what a form says, and the question before the first one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.batch_dialog import values_of_row, vary
from tests.support.samples.paid import APP_KEY, NAME, paid_folder, shown_digest
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit


@pytest.fixture
def site(fast: Site, tmp_path: Path) -> Iterator[Site]:
    with running_app(
        fast.demo.url, workflows=paid_folder(tmp_path / "workflows"), app_key=APP_KEY
    ) as app:
        yield Site(app.url, fast.demo, app)


def test_the_first_paid_run_asks_once(site: Site, visit: Visit) -> None:
    """The form names the price and the payer. A canceled question starts nothing, and the button
    works again. After a yes, the run starts, and the next one isn't asked about."""
    person = visit(site).open(NAME)
    notice, question = person.page.locator("#paid"), person.page.locator("#confirm")
    expect(notice).to_contain_text("Uses paid credits")
    expect(notice).to_contain_text("Partner Text (~$0.06)")
    expect(notice).to_contain_text("The administrator's comfy.org API key pays.")
    person.press()
    expect(question).to_contain_text("This uses paid credits: Partner Text (~$0.06).")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    person.page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    assert not site.app.runs.known()
    person.press()
    question.get_by_role("button", name="Pay and start").click()
    first = person.ended()
    expect(person.page.locator("#stage")).to_contain_text(shown_digest(APP_KEY))
    person.press()
    person.ended(first)
    expect(question).to_have_count(0)


def test_a_batch_asks_in_its_dialog(site: Site, visit: Visit) -> None:
    """The question is usable above the modal dialog. A canceled one leaves the dialog open."""
    person = visit(site).open(NAME)
    question = person.page.locator("#confirm")
    dialog = vary(person)
    values_of_row(dialog, "Prompt").fill("a pier\na boat")
    start = dialog.get_by_role("button", name="Start ×2", exact=True)
    start.click()
    question.get_by_role("button", name="Cancel").click()
    expect(start).to_be_enabled()
    start.click()
    question.get_by_role("button", name="Pay and start").click()
    expect(dialog).to_have_count(0)
    expect(person.page.locator("dialog.sheet")).to_be_visible()
