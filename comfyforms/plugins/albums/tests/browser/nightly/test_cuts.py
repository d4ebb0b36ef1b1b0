"""Albums over a connection that breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from comfyforms.plugins.albums.tests.browser.nightly.test_albums import _post, _shared_images
from comfyforms.plugins.albums.tests.browser.test_cuts import AWAY, through
from tests.browser.nightly.test_lost_files import IS_PAINTED, cut_at
from tests.support.link import FaultyLink
from tests.support.visitor import Site, Visit

PARTS = {
    "script": r"/pages/\w+/albums\.js",
    "messages": r"/languages/\w+/de\.js$",
    "album": r"/api/v1/albums/[^/?]+$",
    "items": r"/items\?",
    "thumbnails": "/thumb",
}


@pytest.fixture
def link(fast: Site) -> Iterator[FaultyLink]:
    with FaultyLink(fast.url) as one:
        yield one


@pytest.mark.parametrize("part", PARTS)
def test_an_album_loads_itself_after_the_connection_returns(
    part: str, fast: Site, visit: Visit, link: FaultyLink
) -> None:
    """The page of its guests does the same."""
    anna = through(visit, fast, link, locale="de-DE")
    album = _shared_images(anna, 3)
    if part == "items":
        album = f"guest/{_post(anna, f'/{album}/link', {'days': 7})['token']}"
    cut_at(anna, link, re.compile(PARTS[part]))
    page = anna.page
    with page.expect_event("requestfailed", lambda lost: bool(re.search(PARTS[part], lost.url))):
        page.goto(f"{link.url}/albums/{album}")
    link.heal()
    images = page.locator("#albums .tile img")
    expect(images).to_have_count(3)
    for image in images.all():
        page.wait_for_function(IS_PAINTED, arg=image.element_handle())
    expect(page.get_by_role("alert")).to_be_empty()
    anna.leave()


def test_the_list_of_albums_says_that_it_cannot_be_loaded(
    fast: Site, visit: Visit, link: FaultyLink
) -> None:
    """It doesn't say that there are no albums, and comes after the connection is back."""
    anna = through(visit, fast, link, locale="en-US")
    _shared_images(anna, 1)
    page = anna.page
    cut_at(anna, link, re.compile(r"/api/v1/albums\?"))
    page.goto(f"{link.url}/albums")
    expect(page.get_by_role("alert")).to_have_text(AWAY)
    expect(page.get_by_text("Loading…")).to_be_visible()
    link.heal()
    expect(page.locator("a.album-card").first).to_be_visible()
    expect(page.get_by_role("alert")).to_be_empty()
    anna.leave()


def test_comments_and_a_picture_come_after_the_connection_is_back(
    fast: Site, visit: Visit, link: FaultyLink
) -> None:
    """Until then, the review doesn't say that there are no comments, and shows the thumbnail."""
    anna = through(visit, fast, link, locale="en-US")
    album = _shared_images(anna, 2)
    page = anna.page
    told = page.request.get(f"{fast.url}/api/v1/albums/{album}/items").json()
    _post(anna, f"/{album}/items/{told['items'][1]['id']}/comments", {"text": "More light"})
    page.goto(f"{link.url}/albums/{album}")
    page.route("**/items/*/file/*", lambda route: route.abort())  # the page asks for it early
    page.locator("#albums .tile").first.click()
    page.keyboard.press("c")
    comments = page.locator(".comments ul")
    expect(comments).to_have_text("No comments yet.")
    page.keyboard.press("Escape")
    link.refuse()
    link.cut()
    page.unroute("**/items/*/file/*")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("c")
    image = page.locator(".review .media img")
    expect(page.get_by_role("alert")).to_have_text(AWAY)
    expect(comments).to_have_text("Loading…")
    expect(image).to_have_css("background-image", re.compile("/thumb"))
    link.heal()
    expect(comments).to_contain_text("More light")
    page.wait_for_function(IS_PAINTED, arg=image.element_handle())
    expect(image).not_to_have_css("background-image", re.compile("/thumb"))
    anna.leave()


def test_an_unsent_comment_stays_with_its_result(fast: Site, visit: Visit) -> None:
    """Its pin stays, too. Another result has its own."""
    anna = visit(fast)
    album = _shared_images(anna, 2)
    page = anna.page
    page.goto(f"{fast.url}/albums/{album}")
    page.locator("#albums .tile").first.click()
    page.keyboard.press("c")
    text = page.get_by_role("textbox", name="Comment")
    text.fill("More light")
    page.locator(".media img").click(position={"x": 200, "y": 200})
    expect(page.locator(".pins .pin")).to_have_text("+")
    page.get_by_role("button", name="Next").click()
    expect(text).to_have_value("")
    expect(page.locator(".pins .pin")).to_have_count(0)
    page.get_by_role("button", name="Previous").click()
    expect(text).to_have_value("More light")
    expect(page.locator(".pins .pin")).to_have_text("+")
    text.press("Control+Enter")
    expect(page.locator(".comments li")).to_contain_text("More light")
    expect(text).to_have_value("")
