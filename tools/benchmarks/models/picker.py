"""The picker of models with 1,000 LoRAs: from the press to the cards, and frames while scrolling."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

import requests
from playwright.sync_api import Page

from comfyui_standin import DemoModel
from tests.model_files.model_server import lora_server, lora_workflow, picture
from tests.support.serving import running_app
from tools.benchmarks.tools.browser import chromium, wait_ready
from tools.benchmarks.tools.figure import Figure, percentile

COUNT = 1000
TRIES = 5
# From the press to the first frame that shows cards.
_OPEN = """() => new Promise((resolve) => {
  const start = performance.now();
  document.querySelector("#field-10-lora-name .browse-models").click();
  const look = () => document.querySelector("dialog.models .model")
    ? requestAnimationFrame(() => resolve(performance.now() - start))
    : requestAnimationFrame(look);
  look();
})"""
# Scrolls by 60 pixels a frame for 120 frames; returns the pauses between frames.
_SCROLL = """() => new Promise((resolve) => {
  const scroll = document.querySelector("dialog.models .scroll");
  const pauses = [];
  let before = performance.now();
  const step = (now) => {
    pauses.push(now - before);
    before = now;
    scroll.scrollTop += 60;
    if (pauses.length < 120) requestAnimationFrame(step);
    else resolve(pauses.slice(1));
  };
  requestAnimationFrame(step);
})"""


def measure() -> list[Figure]:
    """Measure the first opening, later ones, and the frame rate."""
    loras = {
        f"style {number % 7}/lora {number:04d}.safetensors": DemoModel(preview=picture)
        for number in range(COUNT)
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        lora_server(loras) as demo,
        running_app(
            demo.url, workflows=lora_workflow(Path(folder) / "workflows", next(iter(loras)))
        ) as app,
        chromium() as browser,
    ):
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{app.url}/?workflow=lora")
        wait_ready(page)
        requests.get(f"{app.url}/api/v1/workflows/lora", timeout=60)  # a new process is slower
        page.wait_for_selector("#field-10-lora-name .browse-models", state="attached")
        page.wait_for_timeout(1000)  # the page still draws sections that are closed
        first, *later = [_opened(page) for _ in range(TRIES)]
        page.evaluate(_OPEN)
        pauses = page.evaluate(_SCROLL)
    return [
        Figure("picker: first opening with 1,000 LoRAs", first, "ms", 150),
        Figure("picker: later openings", median(later), "ms", 150),
        Figure("picker: frames while scrolling", 1000 / median(pauses), "/s", 55, at_least=True),
        Figure("picker: 95th percentile of a frame", percentile(pauses, 0.95), "ms", 34),
    ]


def _opened(page: Page) -> float:
    taken = float(page.evaluate(_OPEN))
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog.models", state="detached")
    return taken
