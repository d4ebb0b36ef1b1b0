"""The example plugin's action and page in the browser."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.plugins.example import LABEL, PAGE_LABEL, ROOT, installed_example
from tests.support.environments import serving
from tests.support.waiting import LONGEST_WAIT

# After the change of the theme, which takes a moment.
SAME_COLOR = """() => new Set(
    ["#brand a", ".plugin-page a"].map((one) => getComputedStyle(document.querySelector(one)).color)
).size == 1"""


@pytest.fixture
def page(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """Open a form of an app with the example."""
    packages, data = installed_example(tmp_path), tmp_path / "data"
    variables = {"PYTHONPATH": str(packages), "COMFYFORMS_DATA": str(data), "COMFYFORMS_PORT": "0"}
    with (
        serving([sys.executable, "app.py"], ROOT, COMFYFORMS_SERVER="", **variables) as url,
        chromium.new_context() as context,
    ):
        page = context.new_page()
        page.set_default_timeout(1000 * LONGEST_WAIT)
        page.goto(f"{url}/?workflow=text-to-image")
        page.locator("#form textarea").first.wait_for()
        yield page


def test_the_action_shows_its_answer_beside_the_result(page: Page) -> None:
    """The menu of the result has the plugin's entry, and the page shows the plugin's message."""
    page.locator("#form textarea").first.fill("a lighthouse at dusk")
    page.locator("#generate").click()
    page.locator('#stage .stage[data-phase="done"]').wait_for()
    page.locator("#stage .actions .more").click()
    page.get_by_role("menuitem", name=LABEL).click()
    expect(page.locator("#stage .done-note")).to_have_text("512 × 512")


def test_the_page_opens_from_the_header(page: Page) -> None:
    """The keyboard reaches the link. A phone has it in the menu, as a large target, and the page
    leads back to the form."""
    link = page.get_by_role("link", name=PAGE_LABEL)
    expect(link).to_be_visible()
    page.get_by_title("Demo mode", exact=False).focus()
    page.keyboard.press("Tab")
    expect(link).to_be_focused()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(SAME_COLOR)
    page.set_viewport_size({"width": 390, "height": 844})
    expect(link).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    box = link.bounding_box()
    assert box
    assert box["height"] >= 40
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    link.click()
    expect(page.get_by_role("heading", name=PAGE_LABEL)).to_be_visible()
    page.get_by_role("link", name="Create", exact=True).click()
    page.locator("#form textarea").first.wait_for()
