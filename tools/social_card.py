r"""Draws the card that chat apps show for a link to the app, ui/page/social_card.png, with covers
of the shipped workflows.

Run it with `python -m tools.social_card`.

Needs the test packages and Chromium (Debian and Ubuntu: apt-get install chromium).
"""

from __future__ import annotations

import base64
import io
import os
import shutil
import sys

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.support.serving import WORKFLOWS
from ui.page import social_card

WIDTH, HEIGHT = 1200, 630
MOST = 300_000  # bytes; some chats show no larger one
COVERS = ("image-to-image", "upscale", "text-to-image")
ICON = social_card.CARD.with_name("icon.svg")
MARKUP = """<!doctype html><style>
body {{
  margin: 0; width: {width}px; height: {height}px; overflow: hidden; position: relative;
  color: #fff; background: #1f194d; font-family: Inter, system-ui, "DejaVu Sans", sans-serif;
}}
main {{ position: absolute; left: 80px; top: 150px; width: 560px; }}
h1 {{ display: flex; align-items: center; gap: 22px; margin: 0 0 34px; font-size: 58px; letter-spacing: -1px; }}
h1 svg {{ width: 76px; height: 76px; }}
p {{ margin: 0; font-size: 38px; line-height: 1.35; color: #e4e2ff; }}
img {{
  position: absolute; width: 330px; height: 330px; border-radius: 24px; object-fit: cover;
  box-shadow: 0 18px 50px #0009;
}}
.first {{ left: 820px; top: 40px; rotate: 8deg; }}
.second {{ left: 830px; top: 270px; rotate: -5deg; }}
.third {{ left: 680px; top: 150px; rotate: -3deg; width: 360px; height: 360px; }}
</style>{images}<main><h1>{icon} ComfyForms</h1>
<p>Create images, video and audio with simple forms for ComfyUI workflows.</p></main>"""


def main() -> int:
    """Draw and write the card, and return the exit code."""
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        print("This needs Chromium: apt-get install chromium", file=sys.stderr)
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_content(markup(), wait_until="load")
        full = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        browser.close()
    full.quantize(256).save(social_card.CARD, optimize=True)
    size = social_card.CARD.stat().st_size
    print(f"{social_card.CARD}: {size // 1000} kB")
    return 0 if size <= MOST else 1


def markup() -> str:
    """Return the card as a self-contained HTML page."""
    images = "".join(
        f'<img class="{place}" src="data:image/webp;base64,{base64.b64encode(data).decode()}">'
        for place, data in zip(("first", "second", "third"), map(cover, COVERS), strict=True)
    )
    icon = ICON.read_text(encoding="utf-8")
    return MARKUP.format(width=WIDTH, height=HEIGHT, images=images, icon=icon)


def cover(name: str) -> bytes:
    """Return the cover of a shipped workflow."""
    return (WORKFLOWS / f"{name}.webp").read_bytes()


if __name__ == "__main__":
    sys.exit(main())
