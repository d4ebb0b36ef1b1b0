"""The page that shows what programs can ask."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.support.visitor import Site, Visitor


def test_the_api_can_be_read_and_tried(fast: Site, visit: Callable[..., Visitor]) -> None:
    """It lists every address, loads nothing from elsewhere, and what is tried there is done as the
    person who looks at it."""
    page = visit(fast).page
    page.goto(f"{fast.url}/api/v1/docs")
    expect(page.get_by_role("heading", name="ComfyForms")).to_be_visible()
    expect(page.locator(".opblock")).to_have_count(26)
    block = page.locator(".opblock", has_text="/health")
    block.locator(".opblock-summary").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table")
    expect(answer.get_by_role("cell", name="200")).to_be_visible()
    expect(answer).to_contain_text('"status": "ok"')
