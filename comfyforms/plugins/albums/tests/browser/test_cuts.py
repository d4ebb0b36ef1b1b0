"""Reviews over a connection that breaks."""

from __future__ import annotations

from playwright.sync_api import expect

from comfyforms.plugins.albums.tests.browser.nightly.test_albums import _shared_images
from tests.support.link import FaultyLink
from tests.support.visitor import Site, Visit, Visitor

AWAY = "Can't reach ComfyForms. Retrying…"


def through(visit: Visit, site: Site, link: FaultyLink, **how: str) -> Visitor:
    """Return a visitor whose pages come over the link, which the test breaks."""
    person = visit(Site(link.url, site.demo, site.app), **how)
    person.forgive("ERR_", "WebSocket", "Failed to fetch")
    return person


def test_verdicts_during_a_cut_are_sent_afterward(fast: Site, visit: Visit) -> None:
    """They stay on the page meanwhile, which says that it can't reach the app. Then the list of
    what the user hasn't reviewed is asked for."""
    with FaultyLink(fast.url) as link:
        anna = through(visit, fast, link, locale="en-US")
        album, page = _shared_images(anna, 3), anna.page
        page.goto(f"{link.url}/albums/{album}")
        page.get_by_role("button", name="Review 3 results").click()
        expect(page.locator(".caption")).to_contain_text("1 / 3")
        link.refuse()
        link.cut()
        for key in ("k", "x", "4"):
            page.keyboard.press(key)
        expect(page.get_by_role("alert")).to_have_text(AWAY)
        page.keyboard.press("ArrowLeft")
        reject = page.locator(".judge.reject")
        expect(reject).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("Escape")
        link.heal()
        expect(page.locator("#albums .tile")).to_have_count(1)
        rest = page.get_by_role("button", name="For me to review")
        expect(rest).to_have_attribute("data-count", "1")
        told = page.request.get(f"{fast.url}/api/v1/albums/{album}/items").json()
        reviews = [(one["verdict"], one["stars"]) for one in told["items"]]
        assert reviews == [("keep", 0), ("reject", 0), ("", 4)]
        anna.leave()
