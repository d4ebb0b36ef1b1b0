"""Settings of shared results, guests of an album, and barriers on both their pages."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.browser.nightly.walk.axe import is_installed, violations
from tests.support.history_tiles import ONE, make
from tests.support.visitor import Site, Visit, Visitor

POST = """([path, body]) => fetch(`api/v1/albums${path}`, {
  method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" },
}).then((answer) => answer.json())"""


def _post(person: Visitor, path: str, body: object) -> dict[str, Any]:
    return dict(person.page.evaluate(POST, [path, body]))


def _album(person: Visitor, *words: str) -> str:
    """Return a new album with results of these prompts."""
    runs = [make(person, one) for one in words]
    album = str(_post(person, "", {"title": "Summer", "access": "shared"})["id"])
    _post(person, f"/{album}/items", {"runs": runs, "settings": True})
    return album


def test_settings_of_shared_results_are_used(fast: Site, visit: Visit) -> None:
    """One result's settings fill in the form. The values of several become a batch."""
    anna = visit(fast).open(**ONE)
    album = _album(anna, "a lighthouse", "a harbor")
    page = anna.page
    page.goto(f"{fast.url}/gallery/{album}")
    page.locator("#gallery .tile").last.click()
    page.get_by_role("button", name="Use these settings").click()
    anna.ready()
    expect(anna.entry("2.text")).to_have_value("a lighthouse")
    page.goto(f"{fast.url}/gallery/{album}")
    expect(page.locator("#gallery .tile")).to_have_count(2)
    page.get_by_role("button", name="Select").click()
    for tile in page.locator("#gallery .tile").all():
        tile.click()
    page.get_by_role("button", name="More like these").click()
    dialog = page.get_by_role("dialog", name="Try several values")
    expect(dialog.get_by_role("textbox").first).to_have_value("a harbor\na lighthouse")
    expect(dialog.get_by_label("Pair in order")).to_be_checked()


def test_a_guest_reviews_with_a_name_until_the_link_ends(fast: Site, visit: Visit) -> None:
    """The owner sees the guest's verdict. At the end, the guest's page says so at once."""
    anna = visit(fast).open(**ONE)
    album = _album(anna, "a lighthouse")
    page = anna.page
    page.goto(f"{fast.url}/gallery/{album}")
    token = _post(anna, f"/{album}/link", {"days": 7, "comments": True})["token"]
    guest = visit(fast)
    guest.page.goto(f"{fast.url}/gallery/guest/{token}")
    expect(guest.page.get_by_role("navigation")).to_have_count(0)
    guest.page.locator("#gallery .tile").click()
    expect(guest.page.locator(".media img")).to_be_visible()
    if is_installed():
        assert not violations(page), "the owner's page"
        assert not violations(guest.page), "the guest's review"
    guest.page.keyboard.press("k")
    guest.page.get_by_role("textbox", name="Name").fill("Gus")
    guest.page.get_by_role("button", name="Continue").click()
    page.locator("#gallery .tile").click()
    expect(page.locator(".others")).to_contain_text("Gus")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Link for guests").click()
    page.get_by_role("button", name="Stop sharing").click()
    expect(page.get_by_text("The link no longer works.")).to_be_visible()
    expect(guest.page.get_by_role("heading")).to_have_text("This link no longer works")
    guest.forgive("404")
