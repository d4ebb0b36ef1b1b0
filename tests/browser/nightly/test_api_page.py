"""The page that documents the API for programs."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.support.visitor import Site, Visitor


def test_the_api_can_be_read_and_tried(fast: Site, visit: Callable[..., Visitor]) -> None:
    """The API page lists every address and loads nothing from other hosts. A request that the user
    tries there runs as that user."""
    page = visit(fast).page
    page.goto(f"{fast.url}/api/v1/docs")
    expect(page.get_by_role("heading", name="ComfyForms")).to_be_visible()
    document = page.request.get(f"{fast.url}/api/v1/openapi.json").json()
    operations = sum(map(len, document["paths"].values()))
    expect(page.locator(".opblock")).to_have_count(operations)
    block = page.locator(".opblock", has_text="/health")
    block.locator(".opblock-summary").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table")
    expect(answer.get_by_role("cell", name="200")).to_be_visible()
    expect(answer).to_contain_text('"status": "ok"')
