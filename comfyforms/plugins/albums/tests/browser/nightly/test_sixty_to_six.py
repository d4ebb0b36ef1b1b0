"""The job of a team: two people and a guest choose six of sixty results, in two rounds."""

from __future__ import annotations

import io
import re
import zipfile

from PIL import Image
from playwright.sync_api import Locator, Page, expect

from comfyforms.plugins.albums.tests.browser.nightly.test_albums import _album, _post
from tests.browser.nightly.walk.axe import is_installed, violations
from tests.support.history_tiles import ONE
from tests.support.visitor import Site, Visit

MANY, EACH, KEPT, FINAL = 60, 6, 12, 6


def _verdict(page: Page, words: str) -> Locator:
    return page.get_by_role("group", name="Verdict").get_by_role("button", name=words)


def _review(page: Page, keys: list[str], name: str = "") -> None:
    """Review all results with these keys. A guest gives a name first."""
    page.get_by_role("button", name=f"Review {len(keys)} results").click()
    expect(page.locator(".caption")).to_contain_text(f"1 / {len(keys)}")
    for at, key in enumerate(keys):
        page.keyboard.press(key)
        if name and not at:
            page.get_by_role("textbox", name="Name").fill(name)
            page.keyboard.press("Enter")
            expect(page.locator(".caption")).to_contain_text(f"2 / {len(keys)}")
    expect(page.get_by_text("You have reviewed all results.")).to_be_visible()
    expect(page.locator(".review")).to_have_count(0)


def _accessible(page: Page) -> None:
    if is_installed():
        assert not violations(page)


def test_a_team_gets_from_sixty_results_to_six(fast: Site, visit: Visit) -> None:
    """Each step is on the page when it is due: a review of the rest for this person, where people
    disagree, a round with the kept results, the best first, a comparison, and the six as files, as a
    sheet with the tiles' numbers, and as an album."""
    anna, ben, gus = visit(fast), visit(fast).page, visit(fast).page
    anna.open(**ONE | {"4.batch_size": EACH})
    album, page = _album(anna, *(f"harbor {n}" for n in range(MANY // EACH))), anna.page
    token = _post(anna, f"/{album}/link", {"days": 7, "comments": True})["token"]
    page.goto(f"{fast.url}/albums/{album}")
    ben.goto(f"{fast.url}/albums/{album}")
    gus.goto(f"{fast.url}/albums/guest/{token}")
    expect(gus.get_by_text("would like your opinion")).to_be_visible()
    _review(page, ["k" if at % 4 == 0 else "x" for at in range(MANY)])
    _review(ben, ["k" if at % 4 == 0 and at >= KEPT else "x" for at in range(MANY)])
    expect(_verdict(page, "Disputed")).to_have_attribute("data-count", "3")
    expect(_verdict(page, "Kept")).to_have_attribute("data-count", str(KEPT))
    expect(ben.get_by_text("counts as kept once no one rejects it").last).to_be_visible()
    expect(ben.get_by_role("button", name="Next round")).to_be_hidden()
    done = re.compile(rf"reviewed {MANY} of {MANY}\. .*reviewed {MANY} of {MANY}\.")
    expect(page.locator("div.state-card")).to_contain_text(done)
    page.locator(".state-card").get_by_role("button", name="Next round").click()
    expect(page.get_by_label("Take the 3 disputed results along, too")).not_to_be_checked()
    _accessible(page)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(_verdict(gus, "Earlier rounds")).to_have_attribute("data-count", str(MANY - KEPT))
    _review(gus, ["k", "x"] * (KEPT // 2), "Gus")
    gus.keyboard.press("Enter")  # Compare
    expect(gus.get_by_role("dialog", name="Compare").locator("figure")).to_have_count(FINAL)
    _verdict(page, "Kept").click()
    tiles = page.locator("#albums li[data-run]")
    expect(tiles).to_have_count(FINAL)
    tiles.nth(2).locator(".tile").focus()
    page.keyboard.press("5")
    order = page.get_by_role("combobox", name="Order")
    order.select_option("Most stars first")
    expect(tiles.first.locator(".stars")).to_have_text("5")
    best = tiles.first.locator(".facts").inner_text().split()[0]
    numbers = {one.split()[0] for one in tiles.locator(".facts").all_inner_texts()}
    with page.expect_download() as started:
        page.get_by_role("link", name="kept as one image").click()
    assert Image.open(started.value.path()).width > 1900
    page.get_by_role("button", name="Select").click()
    page.get_by_role("button", name="Select all").click()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download", exact=True).click()
    with zipfile.ZipFile(io.BytesIO(started.value.path().read_bytes())) as content:
        assert {f"#{int(name[:3])}" for name in content.namelist()} == numbers
    page.get_by_role("button", name="Compare").press("Enter")
    dialog = page.get_by_role("dialog", name="Compare results")
    expect(dialog.get_by_text(best, exact=True)).to_be_visible()
    expect(dialog.locator(".percent")).to_be_visible()
    keep = dialog.get_by_role("button", name="Keep").first
    keep.press("Enter")
    expect(keep).to_have_attribute("aria-pressed", "true")
    _accessible(page)
    page.keyboard.press("Escape")
    expect(tiles.first.locator(".keeps")).to_have_text("2")
    page.get_by_role("button", name="Move or copy…").click()
    page.get_by_label("Keep them here, too").check()
    page.get_by_label("Title of the album").fill("Final")
    _accessible(page)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Open the album").click()
    expect(page.get_by_role("heading", name="Final")).to_be_visible()
    expect(tiles).to_have_count(FINAL)
    expect(page).to_have_title(re.compile("Final"))
