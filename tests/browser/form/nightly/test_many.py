"""The control for several results beside Generate."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from comfy.runs.limits import RunLimits
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor

WINDOWS = [(1440, 900), (1366, 650), (390, 844)]


@pytest.mark.parametrize(("width", "height"), WINDOWS)
def test_the_menu_works_with_the_keyboard(
    fast: Site, visit: Visit, width: int, height: int
) -> None:
    """The button opens it in every window. It sets the images per run and the runs, and leads to
    the dialog with several values. Escape returns the focus."""
    person = visit(fast, viewport={"width": width, "height": height}).open("text-to-image")
    page = person.page
    button, menu = page.locator("#many-button"), page.locator("#many-menu")
    expect(person.field("4.batch_size")).to_be_hidden()
    expect(button).to_have_text("1 image")
    button.press("Enter")
    expect(menu).to_be_in_viewport(ratio=1)
    page.locator("#many-images").fill("99")
    page.keyboard.press("Tab")
    expect(button).to_have_text("8 images")
    menu.get_by_role("button", name="Runs: One more").press("Enter")
    expect(button).to_have_text("2 \N{MULTIPLICATION SIGN} 8 images")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()
    button.press("Enter")
    page.locator("#vary").press("Enter")
    dialog = page.get_by_role("dialog", name="Try several values")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    values_survive(person)
    person.leave()


def values_survive(person: Visitor) -> None:
    """Check that the images survive a reload, and that Reset restores them."""
    button = person.page.locator("#many-button")
    person.page.reload()
    person.ready()
    expect(button).to_have_text("8 images")
    person.for_form("Reset")
    expect(button).to_have_text("1 image")


def test_it_waits_for_the_app(fast: Site, visit: Visit) -> None:
    """While the page can't reach the app, it doesn't offer the dialog. A form without a field for
    images shows the runs."""
    person = visit(fast).open("upscale")
    page = person.page
    expect(page.locator("#many-button")).to_have_text("1 run")
    person.turn_to("image-to-image")
    expect(page.locator("#many-button")).to_have_text("1 image")
    person.turn_to("text-to-sound")
    expect(page.locator("#many-button")).to_have_text("1 run")
    person.forgive("net::ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('offline'))")
    try:
        expect(page.locator("#away")).not_to_have_text("")
        page.locator("#many-button").click()
        expect(page.locator("#vary")).to_be_disabled()
    finally:
        page.context.set_offline(False)
    expect(page.locator("#away")).to_have_text("")
    expect(page.locator("#vary")).to_be_enabled()
    person.leave()


def test_the_menu_tells_what_a_daily_limit_leaves(fast: Site, visit: Visit) -> None:
    """Without a limit, it says nothing."""
    left = "2 runs left of your 24-hour limit"
    with running_app(fast.demo.url, run_limits=RunLimits(daily=2)) as app:
        for site, count in ((Site(app.url, fast.demo, app), 1), (fast, 0)):
            person = visit(site).open("text-to-image")
            with person.page.expect_response("**/api/v1/storage"):
                person.page.locator("#many-button").click()
            expect(person.page.locator("#many-menu").get_by_text(left)).to_have_count(count)
            person.leave()
