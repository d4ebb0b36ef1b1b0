"""Albums in the browser: two people share results, look at them together, and keep some."""

from __future__ import annotations

import io
import zipfile

from playwright.sync_api import Page, expect

from tests.support.history_tiles import ONE, make
from tests.support.visitor import Site, Visit, Visitor

SOON = 1000  # milliseconds within which another person's action shows


def _share_all(person: Visitor, title: str) -> None:
    """Put all results of the history into a new album, and open it."""
    page = person.page
    person.find()
    page.locator("#history .select").click()
    for tile in page.locator("#history .tile").all():
        tile.click()
    page.get_by_role("group", name="Selected results").get_by_text("add to album").click()
    page.get_by_role("radio", name="In an album").check()
    page.get_by_label("Title of the album").fill(title)
    page.get_by_label("Include the prompt and settings").check()
    page.get_by_role("button", name="Add to album", exact=True).click()
    page.get_by_role("button", name="Open the album").click()
    expect(page.locator("#albums .tile")).to_have_count(2)


def _kept(page: Page) -> list[str]:
    """Return the names of the files in the ZIP of kept results."""
    with page.expect_download() as started:
        page.get_by_role("link", name="Download 1 kept").click()
    with zipfile.ZipFile(io.BytesIO(started.value.path().read_bytes())) as content:
        return content.namelist()


def test_two_people_share_review_and_keep(fast: Site, visit: Visit) -> None:
    """A selection of the history becomes an album. Another person opens it from the list of albums,
    rejects a result and comments on it, which the first person sees at once. A kept result is in
    the ZIP."""
    anna = visit(fast).open(**ONE)
    make(anna, "a lighthouse")
    make(anna, "a harbor")
    _share_all(anna, "Postcards")
    ben = visit(fast).page
    ben.goto(f"{fast.url}/albums")
    ben.get_by_role("link", name="Postcards").last.click()
    ben.locator("#albums .tile").last.click()
    expect(ben.locator(".caption")).to_contain_text("lighthouse")
    ben.keyboard.press("x")
    ben.keyboard.press("ArrowLeft")
    expect(ben.locator(".caption")).to_contain_text("harbor")
    ben.keyboard.press("4")
    ben.keyboard.press("c")
    ben.locator(".media img").click(position={"x": 400, "y": 300})
    ben.get_by_role("textbox", name="Comment").fill("More light")
    ben.keyboard.press("Control+Enter")
    tiles = anna.page.locator("#albums li[data-run]")
    expect(tiles.last.locator(".rejects")).to_be_visible(timeout=SOON)
    expect(tiles.first.locator(".facts")).to_contain_text("1", timeout=SOON)
    tiles.first.locator(".tile").click()
    expect(anna.page.locator(".pin").first).to_be_visible()
    anna.page.keyboard.press("k")
    anna.page.keyboard.press("ArrowRight")
    anna.page.keyboard.press("x")
    expect(anna.page.get_by_text("You have reviewed all results.")).to_be_visible()
    anna.page.keyboard.press("Enter")  # Show kept
    expect(tiles.first.locator(".keeps")).to_be_visible()
    assert len(_kept(anna.page)) == 1
