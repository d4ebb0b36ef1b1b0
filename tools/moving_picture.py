"""Makes the README's moving picture, docs/pictures/run.webp: a prompt, a run with live previews, its
result, as a real browser shows them.

    python -m tools.moving_picture

Needs the test packages and Chromium. The stand-in paints the image.
"""

from __future__ import annotations

import io
import os
import sys
import time
from itertools import pairwise
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.support.programs import HOW_TO_INSTALL, installed_chromium
from tests.support.serving import running_demo_app

TARGET = Path(__file__).parents[1] / "docs" / "pictures" / "run.webp"
SHOWN = (1024, 640)  # pixels of the picture
WORDS = "a red lighthouse on a cliff at dusk, calm sea, warm light"
ADDRESS = "/?workflow=text-to-image&5.seed=15&4.width=768"
STEP = 0.4  # seconds that a step of the run takes: long enough for a screenshot of each
LENGTH = 6500  # milliseconds that the picture takes until the result
LAST = 2500  # milliseconds that the result stays before the picture starts again

Frame = tuple[Image.Image, int]  # an image, and the milliseconds for which it is shown


def main() -> int:
    """Make the picture, write it, and return the exit code."""
    if installed_chromium() is None:
        print(f"This needs Chromium: {HOW_TO_INSTALL}", file=sys.stderr)
        return 1
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(moving_picture())
    print(f"{TARGET}: {TARGET.stat().st_size // 1000} kB")
    return 0


def moving_picture() -> bytes:
    """Return an animated WebP of one run, from the first letter to the result."""
    with (
        running_demo_app(step_seconds=STEP, painted=1024) as (_, app),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=installed_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(app.url + ADDRESS)
        expect(page.locator("#field-2-text textarea")).to_be_editable()
        frames = recorded_run(page)
        browser.close()
    (first, *others), times = zip(*frames, strict=True)
    file = io.BytesIO()
    first.save(
        file, "WEBP", save_all=True, append_images=others, duration=times, quality=70, method=4
    )
    return file.getvalue()


def recorded_run(page: Page) -> list[Frame]:
    """Type the prompt word by word, generate, and return the frames up to the result."""
    taken: list[tuple[Image.Image, float]] = []

    def take() -> None:
        image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        taken.append((image.resize(SHOWN, Image.Resampling.LANCZOS), time.monotonic()))

    field = page.locator("#field-2-text textarea")
    field.fill("")
    take()
    for word in WORDS.split(" "):
        field.press_sequentially(f"{word} ")
        take()
    page.locator("#generate").click()
    result = page.locator("#history .tile img")
    while not result.count():
        take()
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    take()
    times = [moment for _, moment in taken]
    factor = LENGTH / (times[-1] - times[0])
    shown = [round(factor * (end - start)) for start, end in pairwise(times)]
    return [(image, most) for (image, _), most in zip(taken, [*shown, LAST], strict=True)]


if __name__ == "__main__":
    sys.exit(main())
