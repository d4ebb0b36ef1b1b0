"""The example plugin's action in the browser."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.plugins.example import LABEL, ROOT, installed_example
from tests.support.environments import serving
from tests.support.programs import installed_chromium
from tests.support.waiting import LONGEST_WAIT


def test_the_action_shows_its_answer_beside_the_result(tmp_path: Path) -> None:
    """The menu of the result has the plugin's entry, and the page shows the plugin's message."""
    packages, data = installed_example(tmp_path), tmp_path / "data"
    variables = {"PYTHONPATH": str(packages), "COMFYFORMS_DATA": str(data), "COMFYFORMS_PORT": "0"}
    with (
        serving([sys.executable, "app.py"], ROOT, COMFYFORMS_SERVER="", **variables) as url,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=installed_chromium()) as browser,
    ):
        page = browser.new_page()
        page.set_default_timeout(1000 * LONGEST_WAIT)
        page.goto(f"{url}/?workflow=text-to-image")
        page.locator("#form textarea").first.fill("a lighthouse at dusk")
        page.locator("#generate").click()
        page.locator('#stage .stage[data-phase="done"]').wait_for()
        page.locator("#stage .actions .more").click()
        page.get_by_role("menuitem", name=LABEL).click()
        expect(page.locator("#stage .done-note")).to_have_text("512 × 512")
