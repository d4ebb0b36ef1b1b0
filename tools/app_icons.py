"""Draws the icons of the installed app, ui/page/plain/icons, from ui/page/icon.svg.

    python -m tools.app_icons

Needs the test packages and Chromium (Debian and Ubuntu: apt-get install chromium).
"""

from __future__ import annotations

import re
import sys

from playwright.sync_api import sync_playwright

from tests.support.programs import HOW_TO_INSTALL, installed_chromium
from ui.page.plain.layout import ICON, ICONS, ICONS_FOLDER


def main() -> int:
    """Draw and write all icons, and return the exit code."""
    browser_path = installed_chromium()
    if browser_path is None:
        print(f"This needs Chromium: {HOW_TO_INSTALL}", file=sys.stderr)
        return 1
    rounded = ICON.read_text(encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"]
        )
        for name, size in ICONS.items():
            # The system cuts a maskable one to its own shape: nothing of it may be see-through.
            drawing = re.sub(r' rx="\d+"', "", rounded) if "maskable" in name else rounded
            page = browser.new_page(viewport={"width": size, "height": size})
            page.set_content(
                f"<style>body {{ margin: 0 }} svg {{ display: block }}</style>{drawing}"
            )
            page.screenshot(path=ICONS_FOLDER / name, omit_background=True)
            page.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
