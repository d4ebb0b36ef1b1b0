"""A real Chromium that records when each preview frame was on the screen."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.programs import installed_chromium
from tools.benchmarks.tools.frames import BITS

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
READY = "#generate:not([disabled])"
FIELD = "#form [id^=field-]"
WAIT = 30_000  # milliseconds for anything the page is waited for

# A frame counts as painted in the first task after the animation frame that showed it. Its number
# is read from the pixels that were shown, so nothing of the page has to help.
NOTE_PAINTS = """
(() => {
  window.paints = [];
  const canvas = new OffscreenCanvas(3 * BITS, 3);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const numberOf = (image) => {
    context.drawImage(
      image, 0, 0, image.naturalWidth, image.naturalHeight / BITS, 0, 0, 3 * BITS, 3
    );
    const { data } = context.getImageData(0, 1, 3 * BITS, 1);
    let number = 0;
    for (let bit = 0; bit < BITS; bit++) number = 2 * number + (data[4 * (3 * bit + 1)] > 127);
    return number;
  };
  const note = (image) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      const at = (performance.timeOrigin + performance.now()) / 1000;
      paints.push([numberOf(image), at]);
    };
    channel.port2.postMessage(0);
  });
  new MutationObserver((records) => {
    for (const record of records)
      for (const node of record.type === "attributes" ? [record.target] : record.addedNodes)
        if (node.matches?.("img.live-frame")) note(node);
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["src"] });
})();
""".replace("BITS", str(BITS))


@dataclass(frozen=True, slots=True)
class Paint:
    """Frame `number`, on the screen at `at` (`time.time`)."""

    number: int
    at: float


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a headless browser."""
    path = installed_chromium(whole=True)
    if path is None:
        raise SystemExit("The benchmarks need a Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def opened_page(url: str) -> Iterator[Page]:
    """Open the text-to-image form of the app at `url`, ready for Generate."""
    with chromium() as browser:
        page = browser.new_page()
        page.add_init_script(NOTE_PAINTS)
        page.goto(f"{url}/?workflow=text-to-image")
        wait_ready(page)
        page.wait_for_load_state("networkidle")
        yield page


def wait_ready(page: Page) -> None:
    """Wait until the form is visible and the user can press Generate."""
    page.wait_for_selector(FIELD, timeout=WAIT)
    page.wait_for_selector(READY, timeout=WAIT)


def generate(page: Page) -> None:
    before = page.evaluate(f"({RESULTS})()")
    page.click(READY)
    page.wait_for_function(
        f"(before) => {{ const now = ({RESULTS})(); return now && now !== before; }}", arg=before
    )


# The addresses of the results, each run's own; null until all of them are loaded.
RESULTS = """() => {
  const images = [...document.querySelectorAll("#stage .media img:not(.live-frame), #stage .thumbnail img")];
  const loaded = images.length > 0 && images.every((image) => image.complete && image.naturalWidth > 0);
  return loaded ? images.map((image) => image.src).join(" ") : null;
}"""


def paints(page: Page) -> list[Paint]:
    """Return all frames painted so far, in order."""
    return [Paint(int(number), at) for number, at in page.evaluate("window.paints")]
