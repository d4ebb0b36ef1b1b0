"""Makes the README's image, tests/screenshot.png: the page in the middle of a run, as a real
browser shows it.

    python tools/screenshot.py

Needs the test packages and Chromium. The stand-in paints the image.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.support.programs import HOW_TO_INSTALL, installed_chromium
from tests.support.serving import running_demo_app

HERE = Path(__file__).parents[1] / "tests"
SIZE = {"width": 1280, "height": 800}
MOST = 350_000  # bytes
WORDS = "a red lighthouse on a cliff at dusk, calm sea, warm light"
ADDRESS = "/?workflow=text-to-image&5.seed=15&4.width=768"


def main() -> int:
    """Take the screenshot, write it, and return the exit code."""
    browser_path = installed_chromium()
    if browser_path is None:
        print(f"This needs Chromium: {HOW_TO_INSTALL}", file=sys.stderr)
        return 1
    with (
        running_demo_app(step_seconds=0.12, painted=1024) as (_, app),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport=SIZE)
        page.goto(app.url + ADDRESS)
        data = taken(page)
        browser.close()
    target = HERE / "screenshot.png"
    target.write_bytes(data)
    print(f"{target}: {len(data) // 1000} kB")
    return 0 if len(data) <= MOST else 1


def taken(page: Page) -> bytes:
    """Make one run for the gallery, and return a screenshot from the middle of the second run."""
    page.locator("#field-2-text textarea").fill("a sailing boat at noon, blue sky")
    page.locator("#generate").click()
    page.locator("#history .tile img").wait_for()
    page.locator("#field-2-text textarea").fill(WORDS)
    page.locator("#generate").click()
    page.wait_for_function("Number(document.querySelector('#stage .stage').dataset.frames) >= 42")
    full = Image.open(io.BytesIO(page.screenshot()))
    small = io.BytesIO()
    full.convert("RGB").save(small, "PNG", optimize=True)
    return small.getvalue()


if __name__ == "__main__":
    sys.exit(main())
