"""Comparison of results: deleting one, and the way from a result in full screen."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.support.history_tiles import ONE, make, tile, tiles
from tests.support.visitor import Site, Visit


def shows(dialog: Locator, *runs: str) -> None:
    """Check that these runs are compared, in this order."""
    expect(dialog.locator(".pane > img")).to_have_count(len(runs))
    for at, run in enumerate(runs):
        image = dialog.locator("figure").nth(at).locator("img")
        expect(image.and_(dialog.locator(f'[src*="{run}"]'))).to_have_count(1)


def test_a_compared_result_is_deleted(fast: Site, visit: Visit) -> None:
    """Delete replaces one of two results by the next older one, or by a newer one. Undo, which is in
    the comparison, compares the same two again. Without another result, the comparison closes."""
    person = visit(fast).open(**ONE)
    first, second, third = (make(person, words) for words in ("a boat", "a castle", "a hill"))
    page = person.page
    for run in (third, second):
        tile(person, run).click(modifiers=["Control"])
    page.get_by_role("button", name="Compare", exact=True).click()
    dialog = page.get_by_role("dialog", name="Compare results")
    shows(dialog, third, second)
    dialog.get_by_role("button", name="Delete").nth(1).click()
    shows(dialog, third, first)
    expect(tiles(person)).to_have_count(2)
    line = dialog.locator("#undo")
    expect(line).to_contain_text("Deleted.")
    line.get_by_role("button", name="Undo").click()
    shows(dialog, third, second)
    expect(tiles(person)).to_have_count(3)
    dialog.get_by_role("button", name="Delete").first.click()
    shows(dialog, first, second)
    dialog.get_by_role("button", name="Delete").first.click()
    expect(dialog).to_have_count(0)
    page.locator("#columns > #undo").get_by_role("button", name="Undo").click()
    expect(tiles(person)).to_have_count(3)
    expect(dialog).to_have_count(0)


def test_full_screen_compares_with_another_result(fast: Site, visit: Visit) -> None:
    """C and the menu compare the result in full screen with the next older one, the oldest with a
    newer one. Escape leads back. Undo of a deletion is in reach there."""
    person = visit(fast).open(**ONE | {"4.batch_size": 2})
    older, newer = (make(person, words) for words in ("a boat", "a castle"))
    page = person.page
    page.locator("#stage .grid .cell").nth(1).click()
    page.locator("#stage .media > img").click()
    covering = page.locator("#stage .viewport:modal")
    expect(covering).to_have_count(1)
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="Compare results")
    shows(dialog, newer, older)
    expect(dialog.locator(f'.pane > img[src*="/{newer}/1/"]')).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("End")
    expect(covering.locator(f'.media img[src*="{older}"]')).to_be_visible()
    covering.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Compare with a newer result").click()
    shows(dialog, older, newer)
    page.keyboard.press("Escape")
    expect(covering).to_have_count(1)
    page.keyboard.press("Delete")
    expect(tiles(person)).to_have_count(1)
    expect(covering.locator(f'.media img[src*="{newer}"]')).to_be_visible()
    covering.locator("#undo").get_by_role("button", name="Undo").click()
    expect(tiles(person)).to_have_count(2)
    expect(covering.locator(f'.media img[src*="{older}"]')).to_be_visible()
