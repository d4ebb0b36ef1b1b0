"""Makes the pictures in docs/pictures from the running app, as a real browser shows it.

    python -m tools.pictures [FOLDER]

run.webp is the README's moving picture of a run, and run_phone.webp the one for phones. The others are the steps from a graph to a shared
form. Needs the test packages and Chromium. The stand-in paints the images.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from PIL import Image
from playwright.sync_api import Page, TimeoutError, ViewportSize, expect, sync_playwright

from tests.support.programs import HOW_TO_INSTALL, installed_chromium
from tests.support.serving import WORKFLOWS, running_demo_app
from tests.support.waiting import LONGEST_WAIT

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
WORDS = "a red lighthouse on a cliff at dusk, calm sea, warm light"
RUN = "/?workflow=text-to-image&5.seed=15&4.width=768"
STEP = 0.4  # seconds that a step of the run takes: long enough for a screenshot of each
LENGTH = 6500  # milliseconds that the picture takes until the result
LAST = 2500  # milliseconds that the result stays before the picture starts again


@dataclass(frozen=True)
class Window:
    """Size of the browser's window, and of its pictures in pixels."""

    size: ViewportSize
    shown: tuple[int, int]
    is_phone: bool = False


DESKTOP = Window({"width": 1280, "height": 800}, (1024, 640))
PHONE = Window({"width": 375, "height": 640}, (563, 960), is_phone=True)

Frame = tuple[Image.Image, int]  # an image, and the milliseconds for which it is shown


def main(arguments: list[str]) -> int:
    """Write the pictures into the folder, and return the exit code."""
    if installed_chromium() is None:
        print(f"This needs Chromium: {HOW_TO_INSTALL}", file=sys.stderr)
        return 1
    folder = Path(arguments[0]) if arguments else PICTURES
    folder.mkdir(exist_ok=True)
    expect.set_options(timeout=1000 * LONGEST_WAIT)
    for name, window in (("run", DESKTOP), ("run_phone", PHONE)):
        with opened_page(STEP, window) as page:
            write_animation(folder / f"{name}.webp", recorded_run(page, window))
    with opened_page(0.05, DESKTOP) as page:
        for name, image in form_steps(page):
            image.save(folder / f"{name}.webp", "WEBP", quality=75, method=6)
    for file in sorted(folder.glob("*.webp")):
        print(f"{file.name}: {file.stat().st_size // 1000} kB")
    return 0


@contextlib.contextmanager
def opened_page(step_seconds: float, window: Window) -> Iterator[Page]:
    """Yield a browser's page of an app whose only workflow is Text to image."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        for file in WORKFLOWS.glob("text-to-image.*"):
            shutil.copy(file, folder)
        with running_demo_app(
            step_seconds=step_seconds, painted=1024, workflows=Path(folder), may_keep=True
        ) as (_, app):
            browser = playwright.chromium.launch(
                executable_path=installed_chromium(), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(
                viewport=window.size,
                device_scale_factor=2 if window.is_phone else 1,
                has_touch=window.is_phone,
            )
            page.goto(app.url + RUN)
            expect(page.locator("#field-2-text textarea")).to_be_editable()
            yield page
            browser.close()


def screenshot(page: Page, window: Window = DESKTOP) -> Image.Image:
    """Return what the window shows, at the size of a picture."""
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return image.resize(window.shown, Image.Resampling.LANCZOS)


def recorded_run(page: Page, window: Window) -> list[Frame]:
    """Type the prompt word by word, generate, and return the frames up to the result."""
    taken: list[tuple[Image.Image, float]] = []

    def take() -> None:
        taken.append((screenshot(page, window), time.monotonic()))

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


def write_animation(file: Path, frames: list[Frame]) -> None:
    """Write the frames as an animated WebP."""
    (first, *others), times = zip(*frames, strict=True)
    first.save(file, save_all=True, append_images=others, duration=times, quality=70, method=4)


def shares(page: Page) -> bool:
    """Choose *Add to shared workflows*. Return False if the saved form closes the menu by taking
    the preview's place."""
    page.get_by_role("button", name="Private", exact=True).click()
    try:
        page.get_by_role("menuitem", name="Add to shared workflows").click(timeout=5000)
    except TimeoutError:
        return False
    return True


def form_steps(page: Page) -> Iterator[tuple[str, Image.Image]]:
    """Open a graph, edit its form and share it. Yield a name and a picture for each step."""
    graph = json.loads((WORKFLOWS / "text-to-image.json").read_text(encoding="utf-8"))
    graph["1"]["inputs"]["ckpt_name"] = "demo-landscapes.safetensors"
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open a workflow…").click()
    chooser.value.set_files(
        {
            "name": "harbor-at-dawn.json",
            "mimeType": "application/json",
            "buffer": json.dumps(graph).encode(),
        }
    )
    expect(page.locator("#heading h1")).to_have_text("Harbor at dawn")
    expect(page.locator("#field-2-text textarea")).to_be_editable()
    page.locator("#generate").click()
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    yield "opened", screenshot(page)

    page.get_by_role("button", name="Form actions").click()
    page.get_by_role("menuitem", name="Edit form").click()
    editor = page.locator("#form-editor")
    row = editor.locator('.field-row[data-key="2.text"]')
    row.locator(".name").click()
    row.get_by_label("Name").fill("Scene")
    expect(page.locator("#form [data-testid=block-info]").first).to_have_text("Scene")
    yield "edited", screenshot(page)

    editor.get_by_role("button", name="Save", exact=True).click()
    expect(editor.locator(".said")).to_have_text("Saved")
    editor.get_by_role("button", name="Close", exact=True).click()
    expect(editor).to_have_count(0)
    while not shares(page):
        pass
    expect(page.get_by_role("dialog").filter(has_text="shared workflows")).to_be_visible()
    yield "shared", screenshot(page)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
